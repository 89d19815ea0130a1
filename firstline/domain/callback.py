"""A callback: a promise to ring a number at a time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from firstline.domain.call import CALL_SID, E164

PAUSES: tuple[timedelta, ...] = (timedelta(minutes=5), timedelta(minutes=30))
"""After the first and the second attempt that reached nobody; after the third it is over."""
FARTHEST = timedelta(days=30)
"""A callback further away than this is a misunderstanding, not a promise."""


@dataclass(frozen=True)
class CallbackRequest:
    """What the bridge asks of the call's workflow."""

    call_sid: str
    phone: str
    """E.164."""
    at: str
    """ISO 8601 with offset: the moment to ring."""
    topic: str
    """What the caller wants to talk about; nothing personal, it may be spoken."""
    language: str = "en"


@dataclass(frozen=True)
class CallbackBooked:
    """The workflow's answer to the bridge: the callback is now durable."""

    callback_id: str
    """The callback workflow's id."""
    at: str
    """ISO 8601 with offset, as booked."""


class CallbackState(StrEnum):
    """Where a callback stands."""

    WAITING = "waiting"
    DIALING = "dialing"
    ANSWERED = "answered"
    UNREACHED = "unreached"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    """The rules of today allow no time, or no longer this number."""


class DialStatus(StrEnum):
    """Twilio's call statuses and its answering-machine detection, as a callback cares about them."""

    ANSWERED = "answered"
    """Picked up; by whom is not known yet."""
    HUMAN = "human"
    MACHINE = "machine"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    FAILED = "failed"
    CUT_OFF = "cut-off"
    """A person picked up and the line was gone at once: nobody has spoken with them."""


@dataclass(frozen=True)
class CallbackSoFar:
    """What a callback's workflow takes along when it goes on in a new run."""

    request: CallbackRequest
    due: str
    """ISO 8601 with offset: the next attempt."""
    attempts: int
    cancelled: bool
    statuses: dict[str, list[DialStatus]]
    awaited: list[str]
    history: list[str]


@dataclass(frozen=True)
class CallbackInput:
    """Input of the callback workflow."""

    request: CallbackRequest
    line_number: str
    """Our own line, E.164: the number that rings the caller."""
    so_far: CallbackSoFar | None = None
    """None when it begins."""


@dataclass(frozen=True)
class CallbackResult:
    """How a callback ended."""

    state: CallbackState
    dialled_sid: str = ""
    """CallSid of the outbound call that was answered; empty when none was."""
    attempts: int = 0


@dataclass(frozen=True)
class OpenCallback:
    """A promise that is still to be kept, as shown to a caller who phones in, or to the people on call."""

    callback_id: str
    """The callback workflow's id."""
    at: str
    """ISO 8601 with offset: when the next attempt is due."""
    phone: str
    topic: str
    state: CallbackState
    attempts: int
    """Made so far, since it was promised or moved."""
    promised_in: str
    """CallSid of the call in which it was promised."""


def callback_problem(request: CallbackRequest, now: datetime) -> str | None:
    """Why this callback cannot be promised, in one line for the model to say; None when it can.

    `now` is timezone-aware.
    """
    if not CALL_SID.match(request.call_sid):
        return f"call_sid {request.call_sid!r} is not a Twilio CallSid"
    if not E164.match(request.phone):
        return "the phone number is not in international format, like +15551234567"
    try:
        at = datetime.fromisoformat(request.at)
    except ValueError:
        return f"the time {request.at!r} is not an ISO 8601 date and time"
    if at.tzinfo is None:
        return f"the time {request.at!r} has no time zone"
    if at <= now:
        return "that time has already passed"
    if at - now > FARTHEST:
        return f"that is more than {FARTHEST.days} days away"
    return None
