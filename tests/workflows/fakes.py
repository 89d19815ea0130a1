"""The world as workflows see it: the contracts' fakes, made to wait for, to record and to fail."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from temporalio import activity

from activities.callback import CallbackRules
from firstline.domain.call import CallStarted
from firstline.domain.callback import DialStatus
from firstline.domain.hours import Hours
from firstline.ports import CallbackDial, CallRecord, Page, RepCall
from firstline.ports_after_call import Ticket, TicketDraft
from tests.fakes.call_statistics import FakeCallStatistics
from tests.fakes.object_store import FakeObjectStore
from tests.fakes.on_call import FakeOnCall
from tests.fakes.open_calls import FakeOpenCalls
from tests.fakes.paging import FakePaging
from tests.fakes.read_model import FakeReadModel
from tests.fakes.retention import FakeRetention
from tests.fakes.survey import FakeSurvey
from tests.fakes.telephony import FakeCall, FakeTelephony
from tests.fakes.tickets import FakeTickets
from tests.fakes.trace_view import FakeTraceView


class Recording:
    """Lets a test wait for what a fake is asked, and make the next requests fail."""

    def __init__(self) -> None:
        super().__init__()
        self.errors: dict[str, list[Exception]] = {}
        """Method -> errors that its next calls raise, first come first served."""
        self._changed = asyncio.Condition()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return when the condition holds, which is looked at whenever the fake is asked something."""
        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(condition), timeout=20)

    async def _record(self, method: str) -> None:
        async with self._changed:
            self._changed.notify_all()
        if self.errors.get(method):
            raise self.errors[method].pop(0)


class RecordingPaging(Recording, FakePaging):
    """Every page sent is in `pages`; every key resolved in `resolved`."""

    def __init__(self) -> None:
        super().__init__()
        self.resolved: list[str] = []

    async def trigger(self, page: Page) -> None:
        await self._record("trigger")
        await super().trigger(page)

    async def resolve(self, dedup_key: str) -> None:
        await super().resolve(dedup_key)
        self.resolved.append(dedup_key)
        await self._record("resolve")


class RecordingTelephony(Recording, FakeTelephony):
    """An error of a dialling method is raised after the dialling: what was lost is the answer."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[str] = []
        self.queued: list[str] = []
        self.rung: list[RepCall] = []
        self.dialled: list[CallbackDial] = []
        self.hung_up: list[str] = []
        self.looked_in: list[str] = []
        """Callers whose conference was looked into, each once."""
        self.status_of_calls: DialStatus | None = None
        """What the carrier says of a call when it is asked."""
        self.becomes: dict[str, DialStatus] = {}
        """The same of one call, by its sid."""
        self.ends_at_once = False
        """Calls are over as soon as they were placed."""
        self.places_calls = True
        """False: an attempt to dial has no effect."""
        self._placed = 0

    def ring_in(self, start: CallStarted) -> None:
        """The caller of a test is on the line."""
        self.calls[start.call_sid] = FakeCall(start.to_number, start.from_number)

    def begin(self, to_number: str, from_number: str) -> str:
        self._placed += 1
        self.calls[leg_sid(self._placed)] = FakeCall(to_number, from_number)
        self.calls[leg_sid(self._placed)].status = self.becomes.get(leg_sid(self._placed), self.status_of_calls)
        if activity.in_activity():
            # The carrier lives by the same clock as the server, which may have been skipped ahead.
            self.calls[leg_sid(self._placed)].begun = activity.info().started_time
        return leg_sid(self._placed)

    def has_rung(self, reps: int) -> bool:
        """Whether this many reps were rung."""
        return len(self.rung) == reps

    async def move_to_conference(self, call_sid: str) -> None:
        self.held.append(call_sid)
        await self._record("move_to_conference")
        await super().move_to_conference(call_sid)

    async def move_to_failsafe(self, call_sid: str) -> None:
        self.queued.append(call_sid)
        await self._record("move_to_failsafe")
        await super().move_to_failsafe(call_sid)

    async def in_conference(self, call_sid: str) -> Sequence[str]:
        if call_sid not in self.looked_in:
            self.looked_in.append(call_sid)
        await self._record("in_conference")
        return await super().in_conference(call_sid)

    async def ring_rep(self, call: RepCall) -> str:
        self.rung.append(call)
        leg = await super().ring_rep(call)
        await self._record("ring_rep")
        return leg

    async def dial_callback(self, dial: CallbackDial) -> str:
        if not self.places_calls:
            await self._record("dial_callback")
        self.dialled.append(dial)
        leg = await super().dial_callback(dial)
        if self.ends_at_once:
            self.end(leg)
        await self._record("dial_callback")
        return leg

    async def hang_up(self, call_sid: str) -> None:
        self.hung_up.append(call_sid)
        await self._record("hang_up")
        await super().hang_up(call_sid)


def leg_sid(number: int) -> str:
    """CallSid of the n-th call that the fake telephony placed, counted from 1."""
    return f"CA{number:032x}"


class RecordingObjectStore(Recording, FakeObjectStore):
    """Every key written is in `puts`, every key asked for in `gets`."""

    def __init__(self) -> None:
        super().__init__()
        self.puts: list[str] = []
        self.gets: list[str] = []

    async def put(self, key: str, data: bytes) -> str:
        await self._record("put")
        self.puts.append(key)
        return await super().put(key, data)

    async def get(self, key: str) -> bytes | None:
        await self._record("get")
        self.gets.append(key)
        return await super().get(key)


class RecordingReadModel(Recording, FakeReadModel):
    """Fails after writing: what was lost is the answer."""

    async def save_call(self, record: CallRecord, trace_url: str) -> None:
        await super().save_call(record, trace_url)
        await self._record("save_call")


class RecordingTickets(Recording, FakeTickets):
    """Fails after opening: what was lost is the answer."""

    async def open(self, draft: TicketDraft) -> Ticket:
        ticket = await super().open(draft)
        await self._record("open")
        return ticket


class RecordingTraceView(Recording, FakeTraceView):
    """Fails after showing: what was lost is the answer."""

    async def show(self, record: CallRecord, audio: Mapping[str, bytes]) -> str:
        link = await super().show(record, audio)
        await self._record("show")
        return link


class RecordingOnCall(Recording, FakeOnCall):
    """Fails instead of answering."""

    async def numbers(self, since: datetime | None = None) -> Sequence[str]:
        await self._record("numbers")
        return await super().numbers(since)


class SpellingVoice(Recording):
    """`ports.Voice`: one byte a character."""

    def __init__(self) -> None:
        super().__init__()
        self.spoken: list[tuple[str, str]] = []
        self.speaks = asyncio.Event()
        """Cleared, the voice takes for ever to begin."""
        self.speaks.set()

    async def stream(self, text: str, language: str) -> AsyncIterator[bytes]:
        self.spoken.append((language, text))
        await self.speaks.wait()
        await self._record("stream")
        for character in text:
            yield character.encode("latin-1")


@dataclass
class World:
    """Everything outside, as one."""

    paging: RecordingPaging = field(default_factory=RecordingPaging)
    telephony: RecordingTelephony = field(default_factory=RecordingTelephony)
    object_store: RecordingObjectStore = field(default_factory=RecordingObjectStore)
    read_model: RecordingReadModel = field(default_factory=RecordingReadModel)
    voice: SpellingVoice = field(default_factory=SpellingVoice)
    tickets: RecordingTickets = field(default_factory=RecordingTickets)
    on_call: RecordingOnCall | None = None
    """None: no schedule is set up."""
    trace_view: RecordingTraceView = field(default_factory=RecordingTraceView)
    rules: CallbackRules = field(
        default_factory=lambda: CallbackRules(Hours(ZoneInfo("America/New_York")), frozenset({"US", "CA"}))
    )

    def __post_init__(self) -> None:
        self.statistics = FakeCallStatistics(self.read_model)
        self.survey = FakeSurvey(self.read_model)
        self.open_calls = FakeOpenCalls()
        self.retention = FakeRetention(self.read_model)
