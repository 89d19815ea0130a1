"""A call's identity, its beginning and its end."""

import re
from dataclasses import dataclass
from enum import StrEnum

CALL_SID = re.compile(r"^CA[a-f0-9]{32}$")
E164 = re.compile(r"^\+[1-9]\d{6,14}$")


class Direction(StrEnum):
    """Who dialled."""

    INBOUND = "inbound"
    CALLBACK = "callback"


class Outcome(StrEnum):
    """How a call ended; exactly one per call (decisions.md, row 5: the outcomes are disjoint)."""

    RESOLVED = "resolved"
    """The agent answered and nothing was left open."""
    TRANSFERRED = "transferred"
    """A person accepted the call and was bridged to the caller."""
    FAILSAFE = "failsafe"
    """A person was owed and none picked up: the caller was put in the failsafe queue."""
    CALLBACK = "callback"
    """A callback was booked and is now owed."""
    ABANDONED = "abandoned"
    """The caller left before anything was answered or promised."""


@dataclass(frozen=True)
class CallStarted:
    """What is known when a call rings; the input of its workflow."""

    call_sid: str
    from_number: str
    """E.164 of the person at the other end, whoever dialled."""
    to_number: str
    """E.164 of our own line."""
    started_at: str
    """ISO 8601, UTC."""
    language: str = "en"
    direction: Direction = Direction.INBOUND
    callback_of: str = ""
    """CallSid of the call in which this callback was promised; empty for inbound calls."""
    topic: str = ""
    """What the promised callback is about; empty for inbound calls."""


@dataclass(frozen=True)
class TranscriptLine:
    """One side's words, as heard by the other."""

    speaker: str
    """`caller` or `agent`."""
    text: str
