"""`firstline calibrate`: how sure an answer is, fitted to a set of questions and measured on those held out."""

from dataclasses import asdict
from pathlib import Path
from statistics import mean
from typing import Any

from rich.console import Console

from firstline.domain import confidence_weights, confidence_weights_multilingual
from firstline.domain.confidence import MULTILINGUAL, Weights
from firstline.knowledge.calibrate import Sureness, ask, fit, held_out, read_questions, sureness
from firstline.knowledge.search import PostgresKnowledge
from firstline.settings import Settings
from workers.bench.database import bench_pool
from workers.bench.retrieval import ingest_set, own_collection
from workers.bench.retrieval_set import read_set
from workers.wiring_knowledge import embedding_model

CARE = {MULTILINGUAL: 1.6}
"""With equal weights 92 % of the off-topic questions are below the gate with this model, and 95 % are asked for."""
SEEDS = range(1, 6)
"""Ways of drawing the folds; one alone moves the shares by a point or two."""

_MODULE = '''"""How much each of `confidence.features` weighs. Written by `firstline calibrate --write`, never by hand.

From {answerable} answerable and {others} other questions. Held out in five folds, {above:.1%} of the answerable are
above the gate, {off} of the off-topic and {near} of those near the field below it; calibration error {error:.3f}.
"""

BIAS = {bias}
COEFFICIENTS = {coefficients}
'''


async def run_calibrate(settings: Settings, folder: Path, write: bool, console: Console) -> dict[str, Any]:
    """Ingest the set, ask, fit; `write` puts the weights where the product reads them. Raises `CorpusError`."""
    chosen, questions = read_set(folder), read_questions(folder / "queries.jsonl")
    across = folder.with_name(f"{folder.name}-across") / "queries.jsonl"
    if settings.embedding_model == MULTILINGUAL and across.is_file():
        questions += read_questions(across)
    async with bench_pool(settings, console) as pool:
        embedder = embedding_model(settings)
        try:
            async with own_collection(pool) as name:
                await ingest_set(pool, embedder, chosen, name, console)
                asked = await ask(PostgresKnowledge(pool, embedder, name), questions)
        finally:
            embedder.close()
    care = CARE.get(settings.embedding_model, 1.0)
    weights = fit(asked, care)
    unseen = [sureness([(one.question, sure) for one, sure in held_out(asked, seed, care)]) for seed in SEEDS]
    in_use = sureness([(one.question, one.result.confidence) for one in asked])
    answerable = sum(one.answerable for one in asked)
    report = {
        "set": {"name": chosen.name, "answerable": answerable, "others": len(asked) - answerable},
        "held_out": _mean(unseen),
        "weights_in_use": in_use,
        "fitted": weights,
    }
    if write:
        kept = confidence_weights_multilingual if settings.embedding_model == MULTILINGUAL else confidence_weights
        Path(str(kept.__file__)).write_text(_module(report, weights), "utf-8")
    return report


def show_calibration(report: dict[str, Any], console: Console) -> None:
    """Print it."""
    for name in ("held_out", "weights_in_use"):
        one: Sureness = report[name]
        parts = [f"{one.answerable_above_gate:.1%} of the answerable above the gate"]
        parts += [f"{one.off_topic_below_gate:.1%} of the off-topic below"] * (one.off_topic_below_gate is not None)
        parts += [f"{one.near_below_gate:.1%} of those near the field below"] * (one.near_below_gate is not None)
        parts += [f"calibration error {one.calibration_error:.3f}"] * (one.calibration_error is not None)
        console.print(f"{name.replace('_', ' ')}: {', '.join(parts)}")
    console.print(f"fitted: {report['fitted'].bias} {report['fitted'].coefficients}")


def _mean(drawn: list[Sureness]) -> Sureness:
    """Of several drawings of the folds."""
    columns = zip(*(asdict(one).values() for one in drawn), strict=True)
    shares: list[Any] = [None if None in column else mean(column) for column in columns]
    return Sureness(*shares)


def _module(report: dict[str, Any], weights: Weights) -> str:
    held: Sureness = report["held_out"]
    off, near = (
        "none" if share is None else f"{share:.1%}" for share in (held.off_topic_below_gate, held.near_below_gate)
    )
    return _MODULE.format(
        **report["set"],
        above=held.answerable_above_gate,
        off=off,
        near=near,
        error=held.calibration_error or 0.0,
        bias=weights.bias,
        coefficients=weights.coefficients,
    )
