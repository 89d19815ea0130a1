"""Telephony in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

from firstline.domain.call import E164
from firstline.domain.callback import DialStatus
from firstline.domain.orphans import LiveCall
from firstline.names import FAILSAFE_QUEUE, conference_name
from firstline.ports import CallbackDial, Rejected, RepCall


@dataclass
class FakeCall:
    """One leg. `where` is a conference's name, the queue's, or empty while it is with the agent."""

    to_number: str
    from_number: str
    live: bool = True
    where: str = ""
    status: DialStatus | None = None
    begun: datetime = field(default_factory=lambda: datetime.now(UTC))


class FakeTelephony:
    """`ports.Telephony`: calls by sid."""

    def __init__(self) -> None:
        self.calls: dict[str, FakeCall] = {}

    def begin(self, to_number: str, from_number: str) -> str:
        """A call comes about; returns its sid."""
        sid = f"CA{uuid4().hex}"
        self.calls[sid] = FakeCall(to_number, from_number)
        return sid

    def end(self, call_sid: str) -> None:
        """A call is over."""
        self.calls[call_sid].live = False

    def join(self, leg_sid: str, call_sid: str) -> None:
        """A rep's leg comes into the conference of this caller."""
        self.calls[leg_sid].where = conference_name(call_sid)

    async def move_to_conference(self, call_sid: str) -> None:
        self._live(call_sid).where = conference_name(call_sid)

    async def move_to_failsafe(self, call_sid: str) -> None:
        self._live(call_sid).where = FAILSAFE_QUEUE

    async def in_conference(self, call_sid: str) -> Sequence[str]:
        name = conference_name(call_sid)
        return [sid for sid, call in self.calls.items() if call.live and call.where == name]

    async def ring_rep(self, call: RepCall) -> str:
        return self._dial(call.rep_number, call.from_number)

    async def dial_callback(self, dial: CallbackDial) -> str:
        return self._dial(dial.to_number, dial.from_number)

    async def find_live(self, to_number: str, from_number: str) -> str | None:
        wanted = (to_number, from_number)
        return next(
            (sid for sid, call in self.calls.items() if call.live and (call.to_number, call.from_number) == wanted),
            None,
        )

    async def dial_status(self, call_sid: str) -> DialStatus | None:
        if call_sid not in self.calls:
            raise Rejected("no such call")
        return self.calls[call_sid].status

    async def find_since(self, to_number: str, from_number: str, since: datetime) -> str | None:
        return next(
            (
                sid
                for sid, call in reversed(self.calls.items())
                if (call.to_number, call.from_number) == (to_number, from_number) and call.begun >= since
            ),
            None,
        )

    async def live_calls(self, number: str) -> Sequence[LiveCall]:
        return [
            LiveCall(sid, call.to_number, call.from_number, talking=True)
            for sid, call in self.calls.items()
            if call.live and number in (call.to_number, call.from_number)
        ]

    async def hang_up(self, call_sid: str) -> None:
        if call_sid in self.calls:
            self.end(call_sid)

    def _dial(self, to_number: str, from_number: str) -> str:
        if not E164.match(to_number):
            raise Rejected("not a phone number")
        return self.begin(to_number, from_number)

    def _live(self, call_sid: str) -> FakeCall:
        call = self.calls.get(call_sid)
        if call is None or not call.live:
            raise Rejected("the call is not in progress")
        return call
