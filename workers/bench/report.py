"""The retrieval benchmark on the terminal: the ways of searching side by side."""

from typing import Any

from rich.console import Console
from rich.table import Table

MEASURES = ("recall@1", "recall@5", "recall@10", "ndcg@10", "mrr")
_NAMES = {"bm25": "BM25", "full_text": "full text", "dense": "dense", "fused": "fused", "reranked": "reranked"}


def show(report: dict[str, Any], console: Console) -> None:
    """Print it: a row a way, the best of each measure in bold, 95 % intervals beside."""
    about = report["set"]
    console.print(
        f"{about['name']}: {about['articles']} articles, {about['questions']} questions"
        + (f", {about['off_topic']} off topic" if about["off_topic"] else "")
    )
    table = Table("", *MEASURES, box=None, pad_edge=False)
    best = {name: max(report[way][name] for way in _NAMES) for name in MEASURES}
    for way, spoken in _NAMES.items():
        table.add_row(spoken, *(_cell(report[way], name, best[name]) for name in MEASURES))
    console.print(table)
    halves = max(report["bm25"]["recall@5"], report["dense"]["recall@5"])
    console.print(
        f"reranked to the better of BM25 and dense: {report['reranked']['recall@5'] / max(halves, 1e-9):.3f}×"
        f" at recall@5; search p50 {report['search_ms']['p50']:.0f} ms, p95 {report['search_ms']['p95']:.0f} ms"
    )
    sure = report["confidence"]
    parts = [f"confidence: {sure.answerable_above_gate:.0%} of the answerable above the gate"]
    if sure.off_topic_below_gate is not None:
        parts.append(f"{sure.off_topic_below_gate:.0%} of the off-topic below it")
    if sure.near_below_gate is not None:
        parts.append(f"{sure.near_below_gate:.0%} of those near the field below it")
    if sure.calibration_error is not None:
        parts.append(f"expected calibration error {sure.calibration_error:.3f}")
    console.print(", ".join(parts))


def _cell(way: dict[str, Any], name: str, best: float) -> str:
    low, high = way["interval_95"][name]
    number = f"[bold]{way[name]:.3f}[/]" if way[name] == best else f"{way[name]:.3f}"
    return f"{number} [dim]{low:.2f}–{high:.2f}[/]"
