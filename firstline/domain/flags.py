"""What makes a finished call worth a person's look: each flag has one definition, over the turns as they happened."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from firstline.domain.confidence import GATE
from firstline.domain.groundedness import groundedness
from firstline.domain.turn import Turn

FIRST_AUDIO_SLO_MS = 700.0
"""The p95 of `first_audio_ms` that is promised; a turn past it is an outlier."""
STORM_INTERRUPTIONS = 3
STORM_TURNS = 5
"""A caller who cuts the agent off three times within five turns in a row is not being heard."""
GROUNDED = 0.6
"""Below this an answer that was let through used too many words from nowhere. A value to start from: the review of what
it flags says where it belongs."""


class FlagKind(StrEnum):
    """Why a call is worth a look."""

    LOW_CONFIDENCE = "low_confidence"
    HANDOFF = "handoff"
    LATENCY_OUTLIER = "latency_outlier"
    BARGE_IN_STORM = "barge_in_storm"
    GROUNDEDNESS_NEAR_MISS = "groundedness_near_miss"


@dataclass(frozen=True)
class Flag:
    """One finding. `detail` holds numbers and names of rules, nobody's words."""

    kind: FlagKind
    turn: int
    """Number of the turn; 0 for the call as a whole."""
    detail: str = ""


def flags_of(turns: Sequence[Turn], handoff_reason: str | None) -> list[Flag]:
    """Every flag of a call that is over, by turn. `handoff_reason` is None when no person was promised."""
    flags = [Flag(FlagKind.HANDOFF, 0, handoff_reason)] if handoff_reason is not None else []
    for turn in turns:
        flags += _of_turn(turn)
    storm = _storm(turns)
    return flags if storm is None else [*flags, storm]


def kinds(flags: Iterable[Flag]) -> list[str]:
    """The different kinds, sorted: the search attribute."""
    return sorted({flag.kind.value for flag in flags})


def _of_turn(turn: Turn) -> Iterator[Flag]:
    if turn.confidence is not None and turn.confidence < GATE:
        yield Flag(FlagKind.LOW_CONFIDENCE, turn.number, f"confidence {turn.confidence:.2f}, gate {GATE}")
    waited = turn.timing.first_audio_ms
    if waited is not None and waited > FIRST_AUDIO_SLO_MS:
        yield Flag(FlagKind.LATENCY_OUTLIER, turn.number, f"first_audio_ms {waited:.0f}, SLO {FIRST_AUDIO_SLO_MS:.0f}")
    grounded = groundedness(turn)
    # Below the gate nothing was answered from the passages: that flag is the one above.
    if grounded is not None and grounded < GROUNDED and (turn.confidence or 0.0) >= GATE:
        yield Flag(FlagKind.GROUNDEDNESS_NEAR_MISS, turn.number, f"groundedness {grounded:.2f}, bar {GROUNDED}")


def _storm(turns: Sequence[Turn]) -> Flag | None:
    """The first window of turns in which the caller kept cutting the agent off."""
    for last in range(1, len(turns) + 1):
        window = turns[max(0, last - STORM_TURNS) : last]
        cut = sum(turn.interrupted for turn in window)
        if cut >= STORM_INTERRUPTIONS:
            detail = f"{cut} of {len(window)} turns cut off"
            return Flag(FlagKind.BARGE_IN_STORM, window[-1].number, detail)
    return None
