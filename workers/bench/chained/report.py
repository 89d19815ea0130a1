"""The run's result on a terminal."""

from typing import Any

from rich.console import Console
from rich.table import Table


def show(report: dict[str, Any], console: Console) -> None:
    """A table for each answerer."""
    pace = report["chat_model"]
    for name, measured in report["answerers"].items():
        title = (
            f"{name}: {measured['answered']} of {report['questions']} questions answered, look-up {report['lookup']}"
        )
        if name == "chat":
            first = pace["first_token_ms"]
            title += (
                f"; simulated model: first token p50/p95 {first['p50']:.0f}/{first['p95']:.0f} ms, "
                f"{pace['tokens_a_second']:.0f} tokens a second"
            )
        table = Table(title=title)
        for head in ("ms", "p50", "p95", "count"):
            table.add_column(head, justify="left" if head == "ms" else "right")
        table.add_row("[bold]first audio", *_cells(measured["first_audio_ms"]))
        for stage, spread in measured["stages"].items():
            table.add_row(f"  {stage}", *_cells(spread))
        console.print(table)
    console.print(f"load average {report['load_average']}")


def _cells(spread: dict[str, float]) -> list[str]:
    return [f"{spread['p50']:.0f}", f"{spread['p95']:.0f}", f"{spread['count']:.0f}"]
