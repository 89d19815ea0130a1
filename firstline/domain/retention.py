"""How long a call is kept: 30 days hot, then cold, gone after a year; and what an erasure attests."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import quote

HOT = timedelta(days=30)
KEPT = timedelta(days=365)
TRACES = "traces/"
COLD = "cold/"
"""Put before a key when it goes cold: a bucket's lifecycle rule may give this prefix a cheaper class."""

CLAIMS = "claims/"
"""Payloads that were too big for a workflow's history."""


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
    claims_gone: int = 0
    """Payloads that were too big for a history, of workflows long over."""


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
    claims: int = 0
    """Payloads deleted that were too big for those histories."""
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


def claims_folder(workflow_id: str) -> str:
    """Where a workflow's big payloads lie."""
    return f"{CLAIMS}{quote(workflow_id, safe='')}/"


def claim_key(workflow_id: str, day: str, digest: str) -> str:
    """Where a workflow's big payload lies: by the day (UTC) on which it was stored, `2026-11-17`."""
    return f"{claims_folder(workflow_id)}{day}-{digest}"


def claimed_by(key: str) -> KeptCall | None:
    """Which call's workflow stored a payload, and on which day; None for a key that is none."""
    parts = key.split("/")
    if len(parts) != 3 or parts[0] + "/" != CLAIMS:
        return None
    try:
        day = date.fromisoformat(parts[2][:10])
    except ValueError:
        return None
    return KeptCall(parts[1].rpartition("-")[2], day.isoformat())


def older_than(call: KeptCall, age: timedelta, now: datetime) -> bool:
    """Whether the whole day of the call lies further back than `age`. `now` is timezone-aware, UTC."""
    return date.fromisoformat(call.day) < (now - age).date()
