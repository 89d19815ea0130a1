"""Conferences: who sits in which, who hears whom, and what is posted about it."""

import asyncio
from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from uuid import uuid4

from firstline.simulators.mulaw import mix
from firstline.simulators.phone import Place
from firstline.simulators.twilio_call import Leg
from firstline.simulators.twilio_webhooks import Callbacks

_JITTER_FRAMES = 5
"""Lines tick independently; more than 100 ms of one speaker is not kept for another."""
_EVENTS = {
    "conference-start": "start",
    "conference-end": "end",
    "participant-join": "join",
    "participant-leave": "leave",
}


@dataclass(eq=False)
class Seat:
    """A leg's place in a conference; the endpoint of its line."""

    conference: "Conference"
    leg: Leg
    start_on_enter: bool = True
    end_on_exit: bool = False
    joined: datetime = field(default_factory=lambda: datetime.now(UTC))
    # Set when the conference is over for this leg.
    removed: asyncio.Event = field(default_factory=asyncio.Event)
    _inbox: dict[str, deque[bytes]] = field(default_factory=lambda: defaultdict(lambda: deque(maxlen=_JITTER_FRAMES)))

    pending_ms = 0

    @property
    def place(self) -> Place:
        """On hold until the conference has begun."""
        return Place.CONFERENCE if self.conference.status == "in-progress" else Place.HOLD

    def pull(self) -> bytes | None:
        """All the others, mixed."""
        heard = [inbox.popleft() for inbox in self._inbox.values() if inbox]
        return mix(heard) if heard else None

    def push(self, frame: bytes) -> None:
        """Be heard by all the others, once the conference has begun."""
        if self.conference.status == "in-progress":
            for other in self.conference.seats:
                if other is not self:
                    other._inbox[self.leg.sid].append(frame)

    def press(self, digit: str) -> None:
        """Keys mean nothing in a conference."""


class Conference:
    """init (waiting) → in-progress (two or more, one of whom starts it) → completed."""

    def __init__(self, account_sid: str, name: str, callbacks: Callbacks) -> None:
        self.sid = f"CF{uuid4().hex}"
        self.account_sid = account_sid
        self.name = name
        self.status = "init"
        self.created = self.updated = datetime.now(UTC)
        self.reason_ended: str | None = None
        self.ended_by: str | None = None
        self.seats: list[Seat] = []
        self._callbacks = callbacks
        # The first participant's; later ones are ignored, as Twilio does.
        self._callback_url: str | None = None
        self._callback_events: frozenset[str] = frozenset()
        self._sequence = 0

    def join(self, leg: Leg, *, start_on_enter: bool, end_on_exit: bool, callback: str, events: str) -> Seat:
        """Take a seat. `callback` and `events` (space-separated start, end, join, leave) count for the first only."""
        if self._callback_url is None:
            self._callback_url, self._callback_events = callback, frozenset(events.split())
        seat = Seat(self, leg, start_on_enter, end_on_exit)
        self.seats.append(seat)
        leg.events.add("conference_joined", name=self.name, conference_sid=self.sid, others=len(self.seats) - 1)
        self._tell("participant-join", seat)
        if self.status == "init" and len(self.seats) > 1 and any(taken.start_on_enter for taken in self.seats):
            self._become("in-progress")
            self._tell("conference-start", seat)
            for other in self.seats:
                other.leg.events.add("conference_started", name=self.name)
        return seat

    def leave(self, seat: Seat) -> None:
        """Give the seat up; may end the conference for everybody. Harmless when it is given up already."""
        if seat not in self.seats:
            return
        self.seats.remove(seat)
        seat.leg.events.add("conference_left", name=self.name)
        self._tell("participant-leave", seat)
        if seat.end_on_exit:
            self._end("participant-with-end-conference-on-exit-left", seat)
        elif not self.seats:
            self._end("last-participant-left", seat)

    def _end(self, reason: str, seat: Seat) -> None:
        self.reason_ended, self.ended_by = reason, seat.leg.sid
        for other in self.seats:
            other.leg.events.add("conference_ended", name=self.name, reason=reason)
            self._tell("participant-leave", other)
            other.removed.set()
        self.seats.clear()
        self._become("completed")
        self._tell("conference-end", seat)

    def _become(self, status: str) -> None:
        self.status, self.updated = status, datetime.now(UTC)

    def _tell(self, event: str, seat: Seat) -> None:
        self._sequence += 1
        if not self._callback_url or _EVENTS[event] not in self._callback_events:
            return
        params = {
            "AccountSid": self.account_sid,
            "ConferenceSid": self.sid,
            "FriendlyName": self.name,
            "SequenceNumber": str(self._sequence),
            "StatusCallbackEvent": event,
            "Timestamp": format_datetime(datetime.now(UTC)),
        }
        if event == "conference-end":
            params |= {"ReasonConferenceEnded": self.reason_ended or "", "CallSidEndingConference": self.ended_by or ""}
        else:
            params |= {
                "CallSid": seat.leg.sid,
                "Muted": "false",
                "Hold": "false",
                "Coaching": "false",
                "StartConferenceOnEnter": str(seat.start_on_enter).lower(),
                "EndConferenceOnExit": str(seat.end_on_exit).lower(),
            }
        self._callbacks.post(self.sid, self._callback_url, params)


class Conferences:
    """All conferences of an account, past ones too."""

    def __init__(self, account_sid: str, callbacks: Callbacks) -> None:
        self.all: dict[str, Conference] = {}
        self._account_sid = account_sid
        self._callbacks = callbacks

    def named(self, name: str) -> Conference:
        """The conference of that name that is not over; a new one when there is none."""
        for conference in self.all.values():
            if conference.name == name and conference.status != "completed":
                return conference
        conference = Conference(self._account_sid, name, self._callbacks)
        self.all[conference.sid] = conference
        return conference
