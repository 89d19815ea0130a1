"""How long a call is kept: 30 days hot, then cold, gone after a year; and what an erasure attests."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import quote

HOT = timedelta(days=30)
KEPT = timedelta(days=365)
TRACES = "traces/"
AUDIO = "audio/"
"""Of what both sides of a turn said; kept exactly as long as the trace of its call."""
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
    recordings_gone: int = 0


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
    recordings: int = 0
    shown: int = 0
    """Calls that the view beside the archive was told to delete."""
    version: int = 2


def trace_key(day: str, call_sid: str) -> str:
    """Where a call's trace lies while it is hot."""
    return f"{TRACES}{day}/{call_sid}.json"


def cold_key(key: str) -> str:
    """Where a trace lies when it is cold."""
    return COLD + key


def audio_folder(day: str, call_sid: str) -> str:
    """Where a call's recordings lie while they are hot; ends in `/`."""
    return f"{AUDIO}{day}/{call_sid}/"


def audio_key(day: str, call_sid: str, turn: int, side: str, stream: str) -> str:
    """Where one side (`caller` or `agent`) of a turn lies. `stream` tells the streams of a resumed call apart."""
    return f"{audio_folder(day, call_sid)}turn-{turn}-{side}-{stream}.wav"


def call_of(key: str) -> KeptCall | None:
    """Which call a trace or a recording belongs to, hot or cold; None for a key that is neither's."""
    match key.removeprefix(COLD).split("/"):
        case ["traces", day, name] if name.endswith(".json"):
            call_sid = name.removesuffix(".json")
        case ["audio", day, call_sid, _]:
            pass
        case _:
            return None
    return KeptCall(call_sid, day) if _date(day) else None


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


def folder_older_than(folder: str, age: timedelta, now: datetime) -> bool:
    """The same of a day's folder such as `cold/traces/2026-11-17/`; False for a folder that is no day's."""
    day = _date(folder.rstrip("/").rpartition("/")[2])
    return day is not None and day < (now - age).date()


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
