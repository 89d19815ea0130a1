"""Facts: what the bridge tells a call's workflow.

Facts are delivered at least once and in order; the workflow drops duplicates by `event_id`. A fact is one flat
dataclass, not a union, because it crosses a workflow boundary as JSON.
"""

from dataclasses import dataclass
from enum import StrEnum

from firstline.domain.turn import Turn


class FactKind(StrEnum):
    """What happened."""

    CALL_STARTED = "call_started"
    STREAM_STARTED = "stream_started"
    CALLER_SAID = "caller_said"
    """The caller's words of a turn that is not finished: what a resumed call must still answer."""
    TURN_FINISHED = "turn_finished"
    LANGUAGE_SWITCHED = "language_switched"
    FAREWELL_PLAYED = "farewell_played"
    """The caller heard the agent say that they are being connected: the call may be moved now."""
    STREAM_ENDED = "stream_ended"
    CALL_ENDED = "call_ended"
    """The carrier says that the call is over."""


@dataclass(frozen=True)
class Fact:
    """One thing that happened in a call."""

    event_id: str
    """Unique for ever, e.g. `<CallSid>:turn:3`; a repeat is the same fact."""
    call_sid: str
    kind: FactKind
    at: str
    """ISO 8601, UTC."""
    turn: Turn | None = None
    """Set for `turn_finished` and, without an answer, for `caller_said`."""
    detail: str = ""
    """Language for `language_switched`, StreamSid for `stream_started`, reason for the ends."""


class NextStep(StrEnum):
    """What a call's workflow wants done with a caller whose stream has ended."""

    RESUME = "resume"
    CONFERENCE = "conference"
    FAILSAFE = "failsafe"
    GOODBYE = "goodbye"
