"""How calls, searches and decisions look on a terminal."""

from typing import Any

from rich.console import Console
from rich.markup import escape

from firstline.domain.turn import Turn
from workers.phone_call import CallReport

_EVENTS = {
    "stream_started": "the media stream is open",
    "conference_started": "the caller and a person are connected",
    "queue_joined": "the caller waits in the failsafe queue",
    "cleared": "barge-in: the agent fell silent",
    "stream_error": "the media stream failed",
    "error": "error",
}


def show_event(console: Console, event: dict[str, Any]) -> None:
    """One event of the carrier, where it tells something."""
    words = _EVENTS.get(event["event"])
    if words:
        detail = f" {event.get('detail') or event.get('message') or ''}".rstrip()
        console.print(f"    [dim]{event['at_ms'] / 1000:6.1f} s  {words}{escape(detail)}[/]")


def show_turn(console: Console, turn: Turn) -> None:
    """One turn: who said what, which tools ran, how long the caller waited."""
    if not turn.caller_text and turn.agent_text and turn.timing.first_audio_ms is None:
        console.print(f"    [green]agent[/]   {escape(turn.agent_text)} [dim](into the silence)[/]")
        return
    console.print(f"    [cyan]caller[/]  {escape(turn.caller_text) or '[dim](not understood)[/]'}")
    for tool in turn.tools:
        found = f" → {', '.join(turn.article_ids[:3])}" if tool.name == "lookup_article" else ""
        sure = f", confidence {turn.confidence:.2f}" if turn.confidence is not None and found else ""
        console.print(f"            [magenta]{tool.name}[/]{found}{sure} [dim]{tool.ms:.0f} ms[/]")
    timing = turn.timing
    waited = "no answer" if timing.first_audio_ms is None else f"first audio {timing.first_audio_ms:.0f} ms"
    gap = "" if timing.turn_gap_ms is None else f", turn gap {timing.turn_gap_ms:.0f} ms"
    fillers = f", {turn.fillers} filler{'s' if turn.fillers > 1 else ''}" if turn.fillers else ""
    cut = ", interrupted" if turn.interrupted else ""
    console.print(f"    [green]agent[/]   {escape(turn.agent_text)} [dim]({waited}{gap}{fillers}{cut})[/]")


def show_report(console: Console, report: CallReport) -> None:
    """How a call ended and where to look."""
    colour = "green" if report.outcome else "red"
    console.print(f"    outcome [bold {colour}]{report.outcome or 'unknown'}[/]   [dim]{report.workflow_url}[/]")
    if report.trace_url:
        console.print(f"    [dim]trace {report.trace_url}[/]")
    if report.recording:
        console.print(f"    [dim]recording {report.recording}[/]")
