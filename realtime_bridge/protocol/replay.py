"""Telling a model that is new to the call what was said and found before it came."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from firstline.domain.resume import TOOLS_REPLAYED, PlacedTool
from firstline.domain.turn import ToolUse
from realtime_bridge.protocol import realtime
from realtime_bridge.protocol.commands import Command, RunTool, ToModel


@dataclass(frozen=True)
class ResumeNotes:
    """What the model is told after a break, in the call's language."""

    re_anchor: str
    answer_now: str


def replayed(
    lines: Sequence[tuple[str, str]],
    promises: Sequence[str],
    unanswered: bool,
    notes: ResumeNotes,
    tools: Sequence[PlacedTool] = (),
) -> list[Command]:
    """The conversation as items, tool results as the data they were, then what must hold from here on."""
    says = {"caller": realtime.caller_said, "agent": realtime.assistant_said}
    recent = list(enumerate(tools))[-TOOLS_REPLAYED:]
    items: list[Command] = []
    for position, (speaker, text) in enumerate(lines):
        items += [each for number, tool in recent if tool.after_lines == position for each in _tool(number, tool.use)]
        items.append(ToModel(says[speaker](text)))
    items += [each for number, tool in recent if tool.after_lines >= len(lines) for each in _tool(number, tool.use)]
    note = " ".join([notes.re_anchor, *promises, *([notes.answer_now] if unanswered else [])])
    return [*items, ToModel(realtime.system_note(note))]


def under_way(tools: Iterable[RunTool]) -> list[Command]:
    """Tools that run already, as the new session's own calls: their answers go to it."""
    return [ToModel(realtime.tool_call("", tool.call_id, tool.name, tool.arguments)) for tool in tools]


def _tool(number: int, use: ToolUse) -> list[Command]:
    call_id = f"before_{number}"
    call = realtime.tool_call(f"{call_id}_call", call_id, use.name, use.arguments)
    return [ToModel(call), ToModel(realtime.tool_output(call_id, use.output, f"{call_id}_out"))]
