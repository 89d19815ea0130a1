"""One turn of a call: the caller's words, the agent's answer as heard, and where the time went."""

from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True)
class Usage:
    """Tokens billed for one turn, as the model's `response.done` events reported them.

    `cached` is a subset of `input`, never beside it (decisions.md, row 2).
    """

    input_text: int = 0
    input_audio: int = 0
    cached: int = 0
    output_text: int = 0
    output_audio: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input_text + other.input_text,
            self.input_audio + other.input_audio,
            self.cached + other.cached,
            self.output_text + other.output_text,
            self.output_audio + other.output_audio,
        )


class Lookup(StrEnum):
    """How a turn came by the passages that it was answered from."""

    NONE = "none"
    """Nothing was looked up."""
    SEARCHED = "searched"
    """The model asked, and a search began then."""
    JOINED = "joined"
    """The model asked while the search begun ahead was under way: it waited for the rest."""
    AHEAD = "ahead"
    """The model asked, and was answered at once from what had been found ahead."""
    QUOTED = "quoted"
    """The passages were in the conversation when the caller stopped: the model did not have to ask."""

    @property
    def used_ahead(self) -> bool:
        """Whether a search that began before the model asked was of use."""
        return self in (Lookup.JOINED, Lookup.AHEAD, Lookup.QUOTED)


@dataclass(frozen=True)
class ToolUse:
    """One tool call of the model and what the runtime answered."""

    name: str
    arguments: str
    """JSON, as the model sent it."""
    output: str
    """JSON, as the model received it."""
    ms: float
    """From the model's request to the answer handed back, ms."""


@dataclass(frozen=True)
class TurnTiming:
    """The two clocks of a turn and its stages, all ms (decisions.md, rows 8 and 9).

    Percentiles of stages do not add up to the percentile of the total; the total is measured on its own.
    """

    first_audio_ms: float | None = None
    """End of speech detected -> first audio frame sent to the carrier. None when the agent did not speak."""
    turn_gap_ms: float | None = None
    """Caller really stopped -> first audio frame sent to the carrier: `first_audio_ms` plus end-of-speech detection."""
    stages: dict[str, float] = field(default_factory=dict)
    """Stage name -> ms: ingress, transcription, retrieval, rerank, decision, first_audio, egress.

    `retrieval` is what the caller waited for; `retrieval_ahead` how long the search took that ran while they spoke, and
    `retrieval_saved` what of it they did not have to wait for.
    """
    spoke_at: str = ""
    """When the caller began to speak. This and the next two: ISO 8601, UTC; empty where the bridge did not say."""
    stopped_at: str = ""
    """When end of speech was detected: `first_audio_ms` runs from here."""
    ended_at: str = ""
    """When the turn was over: heard, or cut off."""


@dataclass(frozen=True)
class TurnAudio:
    """Keys in the object store of a turn's two recordings (WAV, G.711 µ-law, 8 kHz mono); empty where none is kept.

    A recording is written after its turn was reported: a key may name what never arrived.
    """

    caller: str = ""
    agent: str = ""
    """As the caller heard it: what a barge-in cut off is not in it."""


@dataclass(frozen=True)
class Turn:
    """What happened between one thing the caller said and the next."""

    number: int
    """1 for the caller's first words."""
    caller_text: str
    agent_text: str
    """What the caller heard of the answer: cut where a barge-in cut it."""
    language: str = "en"
    confidence: float | None = None
    """Computed by the runtime from retrieval evidence, 0..1; None when nothing was looked up."""
    model_confidence: float | None = None
    """The model's own number, recorded for its calibration, never used to decide (decisions.md, row 10)."""
    chunk_ids: list[str] = field(default_factory=list)
    article_ids: list[str] = field(default_factory=list)
    tools: list[ToolUse] = field(default_factory=list)
    interrupted: bool = False
    fillers: int = 0
    """How often a silence was broken by a phrase from outside the model; no part of `agent_text` or of the clocks."""
    timing: TurnTiming = field(default_factory=TurnTiming)
    usage: Usage = field(default_factory=Usage)
    lookup: Lookup = Lookup.NONE
    searches_ahead: int = 0
    """Searches begun before the model asked for one; at most one of them was of use."""
    audio: TurnAudio = field(default_factory=TurnAudio)

    @property
    def spoken(self) -> list[tuple[str, str]]:
        """(`caller` or `agent`, words as heard), without the sides that were silent."""
        return [(who, text) for who, text in (("caller", self.caller_text), ("agent", self.agent_text)) if text]
