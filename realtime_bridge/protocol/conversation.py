"""What was said and found in a call so far: what tools may know and what a new model is told."""

from collections import deque
from collections.abc import Sequence

from firstline.domain.resume import TOOLS_REPLAYED, PlacedTool, ResumeContext, placed
from firstline.domain.turn import Turn

_CONTEXT_TURNS = 2
_MAX_CHUNK_IDS = 12


class Conversation:
    """Grows by every turn that is closed."""

    __slots__ = ("_caller_texts", "_tools", "chunk_ids", "confidence", "lines")

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        """(speaker, words as heard) of everything that is over."""
        # No more than is ever told again: a look-up's five passages are 9 KB.
        self._tools: deque[PlacedTool] = deque(maxlen=TOOLS_REPLAYED)
        self.confidence: float | None = None
        """The runtime's, of the last look-up; None when nothing was looked up."""
        self._caller_texts: list[str] = []
        self.chunk_ids: list[str] = []
        """Passages found so far, the newest first, at most 12."""

    @property
    def caller_turns(self) -> int:
        """How many times the caller said something that is over."""
        return len(self._caller_texts)

    @property
    def tools(self) -> list[PlacedTool]:
        """What tools answered last, with its place among the lines: as much as is ever told again."""
        return list(self._tools)

    def lately_said(self, now: str) -> str:
        """The caller's words of the last turns; `now` are those of the turn under way."""
        return " ".join((self._caller_texts + ([now] if now else []))[-_CONTEXT_TURNS:])

    def add(self, turn: Turn) -> None:
        """A turn is over."""
        if turn.caller_text:
            self._caller_texts.append(turn.caller_text)
        self._tools += placed(turn, len(self.lines))
        self.lines += turn.spoken

    def with_open(self, turn: Turn | None) -> tuple[list[tuple[str, str]], list[PlacedTool]]:
        """`lines` and `tools` with those of the turn under way."""
        if turn is None:
            return self.lines, self.tools
        return [*self.lines, *turn.spoken], [*self.tools, *placed(turn, len(self.lines))]

    def agent_said(self, text: str) -> None:
        """The caller heard words from outside the model."""
        self.lines.append(("agent", text))

    def found(self, chunk_ids: Sequence[str], confidence: float | None) -> None:
        """A look-up came back; a confidence of None leaves the last one standing."""
        before = (chunk for chunk in self.chunk_ids if chunk not in chunk_ids)
        self.chunk_ids = [*chunk_ids, *before][:_MAX_CHUNK_IDS]
        if confidence is not None:
            self.confidence = confidence

    def take_over(self, context: ResumeContext, *, without_last: bool) -> None:
        """Go on from what another stream left; its last line is left out where it belongs to the turn under way."""
        lines = context.lines[:-1] if without_last else context.lines
        self.lines = [(line.speaker, line.text) for line in lines]
        self._tools.clear()
        self._tools += context.tools
        self._caller_texts = [text for speaker, text in self.lines if speaker == "caller"]
        self.chunk_ids = list(context.chunk_ids)
        self.confidence = context.confidence
