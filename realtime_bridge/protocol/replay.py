"""Telling a model that is new to the call what was said before it came."""

from collections.abc import Sequence
from dataclasses import dataclass

from realtime_bridge.protocol import realtime
from realtime_bridge.protocol.commands import Command, ToModel


@dataclass(frozen=True)
class ResumeNotes:
    """What the model is told after a break, in the call's language."""

    re_anchor: str
    answer_now: str


def replayed(
    lines: Sequence[tuple[str, str]], promises: Sequence[str], unanswered: bool, notes: ResumeNotes
) -> list[Command]:
    """The conversation as items, then what must hold from here on."""
    says = {"caller": realtime.caller_said, "agent": realtime.assistant_said}
    items: list[Command] = [ToModel(says[speaker](text)) for speaker, text in lines]
    note = " ".join([notes.re_anchor, *promises, *([notes.answer_now] if unanswered else [])])
    return [*items, ToModel(realtime.system_note(note))]
