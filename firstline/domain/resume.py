"""What a fresh stream needs to go on with a call whose last one broke."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from firstline.domain.call import CallStarted, TranscriptLine
from firstline.domain.turn import ToolUse, Turn

TOOLS_REPLAYED = 2
"""The last ones, as many as stay quoted in a session: a follow-up leans on them. Five passages are 2,400 tokens, which
every response reads again; what came before is in the words that were said."""


@dataclass(frozen=True)
class PlacedTool:
    """A tool call with its answer, and where in the conversation it came back."""

    after_lines: int
    """How many lines of the call were said before it."""
    use: ToolUse


def placed(turn: Turn, lines_before: int) -> list[PlacedTool]:
    """A turn's tools, which ran after the caller spoke and before the answer; `lines_before` the turn were said."""
    return [PlacedTool(lines_before + bool(turn.caller_text), use) for use in turn.tools]


def conversation_of(turns: Sequence[Turn]) -> tuple[list[TranscriptLine], list[PlacedTool]]:
    """What was said and what tools answered, in order."""
    lines: list[TranscriptLine] = []
    tools: list[PlacedTool] = []
    for turn in turns:
        tools += placed(turn, len(lines))
        lines += [TranscriptLine(speaker, text) for speaker, text in turn.spoken]
    return lines, tools


@dataclass(frozen=True)
class ResumeContext:
    """The call so far, as heard."""

    start: CallStarted
    language: str
    lines: list[TranscriptLine] = field(default_factory=list)
    """Both sides in order, as heard; an answer that was cut ends where it was cut."""
    unanswered: bool = False
    """The caller's last words have no answer yet."""
    unfinished: bool = False
    """The turn of those words is not over: their answer will finish it."""
    chunk_ids: list[str] = field(default_factory=list)
    """Passages found so far, the newest first, at most 12."""
    confidence: float | None = None
    """The runtime's, of the last look-up."""
    promises: list[str] = field(default_factory=list)
    """What the caller was already promised, in a line each."""
    tools: list[PlacedTool] = field(default_factory=list)
    """What tools answered in turns that are over, in order: the last `TOOLS_REPLAYED` of them."""
