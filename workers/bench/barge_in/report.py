"""The barge-in benchmark on a page."""

from typing import Any

from rich.console import Console
from rich.table import Table


def show(report: dict[str, Any], console: Console) -> None:
    """A row for each kind of sound under each rule."""
    table = Table(
        "rule, ms",
        "answer",
        "sound",
        "n",
        "silenced",
        "cut off",
        "silent after",
        "told after",
        "pause",
        "position error",
    )
    for row in report["figures"]:
        table.add_row(
            f"{row['barge_in_after_ms']:g}",
            "under way" if row["generating"] else "complete",
            row["kind"],
            str(row["sounds"]),
            f"{row['silenced']:.0%}",
            f"{row['cut_off']:.0%}",
            *(_range(row, name) for name in ("silenced", "decided", "pause", "truncation_error")),
        )
    console.print(table)
    console.print("Times in ms from the sound's beginning, median and most. Rule 0: every sound is an interruption.")
    for line in report["wrong"]:
        console.print(f"  taken for something else: {line}")


def _range(row: dict[str, Any], name: str) -> str:
    middle, most = row[f"{name}_p50"], row[f"{name}_max"]
    return "–" if middle is None else f"{middle:g} / {most:g}"
