"""What the product needs from the world, as protocols.

Workflows, activities and the bridge ask for these; `workers/wiring` alone decides which adapter answers. Every method
raises `PortError` or one of its kinds, never a vendor's exception; an adapter's own retries are switched off where
Temporal retries.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from firstline.domain.call import CallStarted, Outcome, TranscriptLine
from firstline.domain.callback import CallbackBooked, CallbackRequest, DialStatus, OpenCallback
from firstline.domain.facts import Fact, NextStep
from firstline.domain.flags import Flag
from firstline.domain.handoff import HandoffAccepted, HandoffRequest, RepAnswer
from firstline.domain.passages import SearchResult
from firstline.domain.resume import ResumeContext
from firstline.domain.turn import Turn


class PortError(Exception):
    """Something outside did not do what was asked; worth a retry."""

    def __init__(self, message: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds for which the other side asked to be left alone; None when it did not."""


class Rejected(PortError):
    """The other side refused the request itself: a retry of the same request will not help."""


# --- paging ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Page:
    """What a person on call is paged with. No transcript text leaves by this way beyond the summary: a link does."""

    dedup_key: str
    """At most 255 characters; the same key is the same incident."""
    summary: str
    """At most 1,024 characters."""
    source: str
    severity: str = "error"
    """`critical`, `error`, `warning` or `info`."""
    link: str = ""
    """Where the transcript and the evidence can be read."""
    details: dict[str, str] = field(default_factory=dict)


class Paging(Protocol):
    """Wakes a person (PagerDuty)."""

    async def trigger(self, page: Page) -> None:
        """Open the incident; harmless when repeated with the same dedup key."""
        ...

    async def resolve(self, dedup_key: str) -> None:
        """Close the incident; harmless when it is closed or unknown."""
        ...


class OnCall(Protocol):
    """Who takes calls at the moment (a schedule in PagerDuty)."""

    async def numbers(self, since: datetime | None = None) -> Sequence[str]:
        """E.164 numbers of the people on call, in order of escalation, each once; those without a phone are left out.

        With `since` (timezone-aware), of everybody who was on call from then until now.
        """
        ...


# --- telephony ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RepCall:
    """Ringing a rep: what they hear and where their answer goes."""

    call_sid: str
    """The caller's CallSid."""
    rep_number: str
    from_number: str
    brief: str
    """Spoken before the rep presses 1 to accept; two sentences."""
    ring_seconds: int = 20


@dataclass(frozen=True)
class CallbackDial:
    """Dialling a promised callback."""

    promised_in: str
    """CallSid of the call in which it was promised."""
    to_number: str
    from_number: str
    language: str = "en"


class Telephony(Protocol):
    """Moves and places calls (Twilio)."""

    async def move_to_conference(self, call_sid: str) -> None:
        """Put a live caller into the conference of its handoff; harmless when the caller is already there.

        Raises `Rejected` when the call is over.
        """
        ...

    async def move_to_failsafe(self, call_sid: str) -> None:
        """Put a live caller into the failsafe queue. Raises `Rejected` when the call is over."""
        ...

    async def in_conference(self, call_sid: str) -> Sequence[str]:
        """CallSids of everybody who sits in the conference of this caller's handoff now, the caller too."""
        ...

    async def ring_rep(self, call: RepCall) -> str:
        """Ring a rep with a spoken brief and press-1 accept; returns the CallSid of the rep's leg."""
        ...

    async def dial_callback(self, dial: CallbackDial) -> str:
        """Ring a promised callback and connect it to the agent; returns the new CallSid."""
        ...

    async def find_live(self, to_number: str, from_number: str) -> str | None:
        """CallSid of a queued, ringing or live call between these numbers: the look-up before a redial."""
        ...

    async def dial_status(self, call_sid: str) -> DialStatus | None:
        """What became of a call that we placed; None while it is not answered yet. Raises `Rejected` when unknown."""
        ...

    async def find_since(self, to_number: str, from_number: str, since: datetime) -> str | None:
        """CallSid of the newest call between these numbers placed at or after `since`, over or not.

        `since` is timezone-aware; the carrier's clock counts, in whole seconds.
        """
        ...

    async def hang_up(self, call_sid: str) -> None:
        """End a call; harmless when it is over."""
        ...


class DialTurns(Protocol):
    """The carrier's calls a second, kept by all worker processes together."""

    async def wait(self) -> None:
        """Returns when one more outbound call may be placed; never raises."""
        ...


# --- control plane, as the bridge sees it -----------------------------------------------------------------------------


class CallControl(Protocol):
    """The durable side of a call. Methods that a caller waits for take a deadline in seconds."""

    async def deliver(self, start: CallStarted, facts: Sequence[Fact]) -> None:
        """Hand facts to the call's workflow in order, starting it when it does not run yet. At least once."""
        ...

    async def request_handoff(self, start: CallStarted, request: HandoffRequest, timeout: float) -> HandoffAccepted:
        """Ask for a person. Raises `Rejected` (with the reason to tell the model) when the workflow's gate says no."""
        ...

    async def request_callback(self, start: CallStarted, request: CallbackRequest, timeout: float) -> CallbackBooked:
        """Ask for a callback. Raises `Rejected` (with the reason to tell the model) when it cannot be promised."""
        ...

    async def next_step(self, call_sid: str, timeout: float) -> NextStep:
        """What to do with a caller whose stream has ended."""
        ...

    async def resume_context(self, call_sid: str, timeout: float) -> ResumeContext:
        """The call so far, for a fresh stream to go on with."""
        ...

    async def rep_answered(self, call_sid: str, rep_number: str, answer: RepAnswer) -> None:
        """Tell the handoff of this call what a rep did. Raises `Rejected` when the handoff is over."""
        ...

    async def rep_joined(self, call_sid: str, leg_sid: str) -> None:
        """Tell the handoff of this call whose leg came to the caller. Raises `Rejected` when the handoff is over."""
        ...

    async def caller_left(self, call_sid: str) -> None:
        """Tell the handoff of this call that the caller hung up. Raises `Rejected` when the call is over."""
        ...

    async def dial_status(self, promised_in: str, dialled_sid: str, status: DialStatus) -> None:
        """Tell a callback what became of its dialled call. Raises `Rejected` when the callback is over."""
        ...

    async def open_callbacks(self, phone: str, timeout: float) -> list[OpenCallback]:
        """The callbacks still owed to a number, the next one first.

        One that was promised a second ago may be missing. Raises `Rejected` when `phone` is not E.164.
        """
        ...

    async def move_callback(self, callback_id: str, request: CallbackRequest) -> None:
        """Ring at another time or number. Raises `Rejected` when that cannot be promised, or the callback is over."""
        ...

    async def cancel_callback(self, callback_id: str) -> None:
        """Ring nobody. Raises `Rejected` when the callback is over, or is being dialled already."""
        ...

    async def page_acknowledged(self, handoff_id: str, by: str) -> None:
        """Tell a handoff that a person has seen its page. Raises `Rejected` when the handoff is over or unknown."""
        ...


# --- knowledge --------------------------------------------------------------------------------------------------------


class Knowledge(Protocol):
    """The help centre."""

    async def search(self, query: str, *, k: int = 5, language: str | None = None) -> SearchResult:
        """The best `k` passages for a question; no passages (never an error) for a question without content."""
        ...


# --- voice ------------------------------------------------------------------------------------------------------------


class Voice(Protocol):
    """Text to speech, for what is spoken outside the model: greeting, fillers, goodbye."""

    def stream(self, text: str, language: str) -> AsyncIterator[bytes]:
        """G.711 µ-law, 8 kHz mono (8 bytes = 1 ms), in pieces as they are made."""
        ...


class Transcription(Protocol):
    """Speech to text, for what the model's own transcriber could not make out."""

    async def words(self, recording: bytes, language: str) -> str:
        """The words in a WAV file, the caller's language given (ISO 639-1); empty when nobody spoke."""
        ...


# --- storage ----------------------------------------------------------------------------------------------------------


class ObjectStore(Protocol):
    """Blobs by key (S3, R2, a local folder)."""

    async def put(self, key: str, data: bytes) -> str:
        """Store, replacing what is there; returns a link that a person can open."""
        ...

    async def get(self, key: str) -> bytes | None:
        """The blob, or None when there is none."""
        ...

    async def delete(self, key: str) -> bool:
        """Remove the blob; False when there was none."""
        ...

    async def move(self, key: str, to: str) -> str | None:
        """Put the blob under another key; returns its new link, None when there is none to move.

        Harmless when repeated: a move that broke off leaves the blob under both keys, never under none.
        """
        ...

    async def keys(self, prefix: str) -> Sequence[str]:
        """Every key that begins with `prefix`, which ends in `/`; sorted."""
        ...

    async def folders(self, prefix: str) -> Sequence[str]:
        """Every folder directly below `prefix`, both ending in `/`; sorted. What lies in them is not listed."""
        ...


@dataclass(frozen=True)
class CallRecord:
    """A finished call, as archived and projected."""

    start: CallStarted
    ended_at: str
    outcome: Outcome
    language: str
    turns: list[Turn]
    timeline: list[str]
    handoff_reason: str = ""
    rep: str = ""
    page_to_pickup_ms: int | None = None
    callback_at: str = ""
    flags: list[Flag] = field(default_factory=list)

    @property
    def transcript(self) -> list[TranscriptLine]:
        """Both sides in order, as heard."""
        return [TranscriptLine(speaker, text) for turn in self.turns for speaker, text in turn.spoken]


class ReadModel(Protocol):
    """The queryable projection of calls; every write is an idempotent upsert."""

    async def save_call(self, record: CallRecord, trace_url: str) -> None:
        """Store a finished call, its turns and its flags."""
        ...
