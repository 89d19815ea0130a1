"""The turn being held: its words, its tools, its stamps.

Two clocks (decisions.md, row 9): `first_audio_ms` runs from end of speech *detected*, `turn_gap_ms` from the moment the
caller *really* stopped. Stages are measured on their own and do not add up to either.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

from firstline.domain.turn import Lookup, ToolUse, Turn, TurnTiming, Usage
from realtime_bridge.protocol.commands import RunTool, ToolAnswer
from realtime_bridge.protocol.playback import Utterance
from realtime_bridge.protocol.quoted import LOOKUP, Finding


def utc(ms: float) -> str:
    """ISO 8601 of ms since 1970."""
    second, rest = divmod(round(ms), 1000)
    return f"{_second(second)}.{rest:03}+00:00"


@lru_cache(maxsize=64)
def _second(second: int) -> str:
    # Every call of a bridge writes down the same few seconds.
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@dataclass(slots=True)
class Spoken:
    """One item of agent speech and its text as the model wrote it."""

    utterance: Utterance
    text: str = ""

    @property
    def heard_whole(self) -> bool:
        """Whether it was heard to its end."""
        return self.utterance.heard_whole

    @property
    def heard_text(self) -> str:
        """The words the caller heard, cut in proportion to the audio heard: the protocol gives no word times."""
        spoken = self.utterance
        if spoken.heard_ms >= spoken.sent_ms:
            return self.text.strip()
        words = self.text.split()
        return " ".join(words[: round(len(words) * spoken.heard_ms / spoken.sent_ms)])


@dataclass(slots=True)
class OpenTurn:
    """A turn that has begun and is not reported yet. All times are ms of the session's steady clock."""

    number: int
    stopped_at: float
    """End of speech detected."""
    really_stopped_at: float
    item_id: str = ""
    spoke_at: float | None = None
    """When the caller began to speak; None where nobody noticed."""
    caller_text: str = ""
    transcript_pending: bool = True
    spoken: list[Spoken] = field(default_factory=list)
    tools: list[ToolUse] = field(default_factory=list)
    requested_at: dict[str, float] = field(default_factory=dict)
    """Function call id -> when the model asked."""
    chunk_ids: list[str] = field(default_factory=list)
    article_ids: list[str] = field(default_factory=list)
    confidence: float | None = None
    model_confidence: float | None = None
    interrupted: bool = False
    usage: Usage = field(default_factory=Usage)
    fillers: int = 0
    first_audio_at: float | None = None
    stages: dict[str, float] = field(default_factory=dict)
    lookup: Lookup = Lookup.NONE
    searches_ahead: int = 0
    quoted: Finding | None = None
    """Passages in the model's conversation when the caller stopped; None once it is known what became of them."""
    settled: bool = False
    """What was searched ahead has been accounted for."""
    taken_over: bool = False
    """Another stream heard the caller stop: neither clock of the answer can be read here."""
    _waiting_since: float = 0.0

    def __post_init__(self) -> None:
        self._waiting_since = self.stopped_at

    def transcribed(self, text: str, now: float) -> None:
        """The caller's words arrived."""
        self.caller_text = text.strip()
        self.transcript_pending = False
        self.stages.setdefault("transcription", now - self.stopped_at)

    def tool_requested(self, call_id: str, now: float) -> None:
        """The model asked for a tool: what it decided took this long since the last thing it waited for."""
        self.requested_at[call_id] = now
        self.stages.setdefault("decision", now - self._waiting_since)

    def first_audio(self, now: float) -> None:
        """The first frame of the answer is about to be sent to the carrier."""
        if self.first_audio_at is None:
            self.first_audio_at = now
            self.stages["first_audio"] = now - self._waiting_since

    def tool_answered(self, tool: RunTool, answer: ToolAnswer, now: float) -> None:
        """A tool's output was handed to the model, with what it found."""
        took = now - self.requested_at.get(tool.call_id, now)
        self.tools.append(ToolUse(tool.name, tool.arguments, answer.output, round(took, 1)))
        self._waiting_since = now
        self.found(answer)
        if answer.model_confidence is not None:
            self.model_confidence = answer.model_confidence

    def judged_by(self, finding: Finding) -> None:
        """The answer was made from passages that the model never had to ask for: its groundedness is judged by them."""
        self.tools.append(ToolUse(LOOKUP, finding.arguments, finding.answer.output, 0.0))

    def found(self, answer: ToolAnswer) -> None:
        """Passages that the model answered from."""
        self.stages.update(answer.stages)
        self.chunk_ids += answer.chunk_ids
        self.article_ids += [article for article in answer.article_ids if article not in self.article_ids]
        self.confidence = answer.confidence if answer.confidence is not None else self.confidence

    def close(self, language: str, now: float, clock_zero: float) -> Turn:
        """The turn as it is reported, over `now`; `clock_zero` is when the session's clock was 0, ms since 1970."""
        said = " ".join(text for spoken in self.spoken if (text := spoken.heard_text))
        first = None if self.taken_over else self.first_audio_at
        return Turn(
            number=self.number,
            caller_text=self.caller_text,
            agent_text=said,
            language=language,
            confidence=self.confidence,
            model_confidence=self.model_confidence,
            chunk_ids=self.chunk_ids,
            article_ids=self.article_ids,
            tools=self.tools,
            interrupted=self.interrupted,
            fillers=self.fillers,
            timing=TurnTiming(
                first_audio_ms=None if first is None else round(first - self.stopped_at, 1),
                turn_gap_ms=None if first is None else round(first - self.really_stopped_at, 1),
                stages={name: round(ms, 2) for name, ms in self.stages.items()},
                spoke_at="" if self.spoke_at is None else utc(clock_zero + self.spoke_at),
                stopped_at=utc(clock_zero + self.stopped_at),
                ended_at=utc(clock_zero + now),
            ),
            usage=self.usage,
            lookup=self.lookup,
            searches_ahead=self.searches_ahead,
        )
