"""The first-audio benchmark on a terminal."""

from typing import Any

from rich.console import Console
from rich.table import Table


def show(report: dict[str, Any], console: Console) -> None:
    """What was drawn, what was measured, and the difference.

    `over`: what a turn took beyond its own draws. `there`: turns whose passages were in the conversation when the
    caller stopped. `asked`: look-ups that the model had to ask for.
    """
    drawn = report["drawn"]
    held = f"{report['calls']} concurrent calls, {report['turns_a_call']} turns each, seed {report['seed']}"
    table = Table(title=f"First audio, ms: {held}")
    for head in ("", "p50", "p95", "over p50", "p95", "there", "asked"):
        table.add_column(head, justify="left" if not head else "right")
    rows = (
        ("searching ahead", report["on"], "without retrieval", drawn["without_retrieval_ms"]),
        ("without", report["off"], "all stages", drawn["all_stages_ms"]),
    )
    for name, figures, what, sums in rows:
        first, over = figures["first_audio_ms"], figures["over_own_draws_ms"]
        share, asked = f"{figures['passages_there']:.1%}", str(figures["asked_by_model"])
        table.add_row(name, _ms(first["p50"]), _ms(first["p95"]), _ms(over["p50"]), _ms(over["p95"]), share, asked)
        table.add_row(f"  drawn: {what}", _ms(sums["p50"]), _ms(sums["p95"]), "", "", "", "", style="dim")
    console.print(table)
    over, saved, late = report["on_over_drawn_ms"], report["saved_ms"], report["on"]["script_late_ms"]
    console.print(
        f"Searching ahead: [bold]{over['p50']:+.1f} / {over['p95']:+.1f} ms[/] against the draws without retrieval, "
        f"{saved['p50']:.0f} / {saved['p95']:.0f} ms sooner than without; "
        f"of it the script's own lateness {late['p50']:.1f} / {late['p95']:.1f} ms"
    )


def _ms(value: float) -> str:
    return f"{value:.1f}"
