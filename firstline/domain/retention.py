"""How long a call is kept: 30 days hot, then cold, gone after a year; and what an erasure attests."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

HOT = timedelta(days=30)
KEPT = timedelta(days=365)
TRACES = "traces/"
COLD = "cold/"
"""Put before a key when it goes cold: a bucket's lifecycle rule may give this prefix a cheaper class."""


@dataclass(frozen=True)
class KeptCall:
    """A call in the read model."""

    call_sid: str
    day: str
    """Day (UTC) on which it rang, `2026-11-17`: a part of its trace's key."""


@dataclass(frozen=True)
class Retained:
    """What one day's retention did."""

    cooled: int
    """Traces moved to the cold prefix."""
    traces_gone: int
    calls_gone: int
    """Calls with their turns and flags deleted from the read model."""
    held: int
    """Traces old enough to go that a legal hold keeps."""


@dataclass(frozen=True)
class Attestation:
    """That a caller's data were erased: what, when and how many, without a word about whom."""

    at: str
    """ISO 8601, UTC."""
    calls: int
    """Calls deleted from the read model, with their turns, flags and scores."""
    traces: int
    workflows: int
    """Closed workflows deleted from Temporal, with their histories."""
    kept_by_legal_hold: int
    """Calls that a legal hold keeps."""
    still_open: int
    """Workflows that run on: what they leave must be erased by another run."""
    what: str = "erasure of one caller's calls"
    version: int = 1


def trace_key(day: str, call_sid: str) -> str:
    """Where a call's trace lies while it is hot."""
    return f"{TRACES}{day}/{call_sid}.json"


def cold_key(key: str) -> str:
    """Where a trace lies when it is cold."""
    return COLD + key


def call_of(key: str) -> KeptCall | None:
    """Which call a trace belongs to, hot or cold; None for a key that is no trace's."""
    parts = key.removeprefix(COLD).split("/")
    if len(parts) != 3 or parts[0] + "/" != TRACES or not parts[2].endswith(".json"):
        return None
    try:
        date.fromisoformat(parts[1])
    except ValueError:
        return None
    return KeptCall(parts[2].removesuffix(".json"), parts[1])


def older_than(call: KeptCall, age: timedelta, now: datetime) -> bool:
    """Whether the whole day of the call lies further back than `age`. `now` is timezone-aware, UTC."""
    return date.fromisoformat(call.day) < (now - age).date()
