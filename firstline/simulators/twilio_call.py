"""One leg of a simulated call: what Twilio knows of it, and who is on its line."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from uuid import uuid4

import phonenumbers

from firstline.simulators.events import EventLog
from firstline.simulators.line import Line
from firstline.simulators.phone import Person, Script
from firstline.simulators.twilio_webhooks import Callbacks

API_VERSION = "2010-04-01"
FINAL = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
"""Statuses that a call never leaves."""


@dataclass(frozen=True)
class Inline:
    """TwiML given as such."""

    twiml: str


@dataclass(frozen=True)
class FromUrl:
    """TwiML to be asked for."""

    url: str
    method: str = "POST"


Source = Inline | FromUrl


@dataclass(frozen=True)
class StatusCallback:
    """Where a call's progress is posted, and which events: initiated, ringing, answered, completed."""

    url: str = ""
    events: frozenset[str] = frozenset({"completed"})


@dataclass(frozen=True)
class Detection:
    """Answering-machine detection, as asked for when the call was created."""

    wanted: bool = False
    in_background: bool = False
    callback: str = ""


@dataclass
class Leg:
    """A call. `status` moves from queued or ringing to one of `FINAL`, by `become` alone."""

    account_sid: str
    to: str
    from_: str
    direction: str
    """`inbound` or `outbound-api`."""
    script: Script
    source: Source
    events: EventLog
    callbacks: Callbacks
    fallback_url: str = ""
    status_callback: StatusCallback = field(default_factory=StatusCallback)
    detection: Detection = field(default_factory=Detection)
    ring_seconds: float = 60
    geography: dict[str, str] = field(default_factory=dict)
    sid: str = field(default_factory=lambda: f"CA{uuid4().hex}")
    status: str = "queued"
    answered_by: str | None = None
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))
    rung: datetime | None = None
    """When it was dialled; None while it waits."""
    started: datetime | None = None
    """When it was answered."""
    ended: datetime | None = None
    # A redirect by the REST API waits here for the leg to take it.
    redirects: asyncio.Queue[Source] = field(default_factory=asyncio.Queue)
    _sequence: int = 0

    def __post_init__(self) -> None:
        self.line = Line(Person(self.script), self.events)

    @property
    def over(self) -> bool:
        """The call has ended, or never came about; true from the moment somebody hangs up."""
        return self.status in FINAL or self.line.hung_up.is_set()

    @property
    def duration(self) -> int:
        """Whole seconds between answer and end; 0 when it was not answered."""
        return round(((self.ended or datetime.now(UTC)) - self.started).total_seconds()) if self.started else 0

    def become(self, status: str, event: str = "") -> None:
        """Change status; post the status callback's `event` where it was asked for."""
        now = datetime.now(UTC)
        self.status, self.updated = status, now
        if status == "ringing":
            self.rung = now
        if status == "in-progress":
            self.started = now
        if status in FINAL:
            self.ended = now
        self.events.add("status", status=status)
        if event in self.status_callback.events and self.status_callback.url:
            self.callbacks.post(self.sid, self.status_callback.url, self._progress(event, now))

    def hang_up(self, by: str, reason: str) -> None:
        """End the call from outside the line."""
        if not self.line.hung_up.is_set():
            self.events.add("hung_up", by=by, reason=reason)
            self.line.hung_up.set()

    def params(self) -> dict[str, str]:
        """What every webhook about this call carries."""
        hung_up = self.status == "in-progress" and self.over
        call = {
            "AccountSid": self.account_sid,
            "ApiVersion": API_VERSION,
            "CallSid": self.sid,
            "CallStatus": "completed" if hung_up else self.status,
            "Direction": self.direction,
            "From": self.from_,
            "To": self.to,
            "Caller": self.from_,
            "Called": self.to,
        }
        places = {side: _country(number) for side, number in (("From", self.from_), ("To", self.to))}
        where: dict[str, str] = {}
        for side, twin in (("From", "Caller"), ("To", "Called")):
            for key in ("City", "State", "Zip", "Country"):
                value = self.geography.get(f"{side}{key}", places[side] if key == "Country" else "")
                where[f"{side}{key}"] = where[f"{twin}{key}"] = value
        answered = {"AnsweredBy": self.answered_by} if self.answered_by else {}
        return call | where | answered

    def _progress(self, event: str, now: datetime) -> dict[str, str]:
        number, self._sequence = self._sequence, self._sequence + 1
        progress = {
            "CallbackSource": "call-progress-events",
            "SequenceNumber": str(number),
            "Timestamp": format_datetime(now),
        }
        if event == "initiated":
            progress["CallStatus"] = "initiated"
        if event == "completed":
            progress |= {"CallDuration": str(self.duration), "Duration": str(-(-self.duration // 60))}
        return self.params() | progress


def _country(number: str) -> str:
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(number)) or "US"
    except phonenumbers.NumberParseException:
        return ""
