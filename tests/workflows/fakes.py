"""The world as workflows see it: fakes that keep what was asked of them in lists."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from firstline.ports import CallbackDial, CallRecord, Page, RepCall


class Recording:
    """Lets a test wait for what a fake is asked, and make the next requests fail."""

    def __init__(self) -> None:
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


class RecordingPaging(Recording):
    """`ports.Paging`."""

    def __init__(self) -> None:
        super().__init__()
        self.pages: list[Page] = []
        self.resolved: list[str] = []

    @property
    def open(self) -> set[str]:
        """Dedup keys of the incidents that nobody has resolved."""
        return {page.dedup_key for page in self.pages} - set(self.resolved)

    async def trigger(self, page: Page) -> None:
        await self._record("trigger")
        self.pages.append(page)

    async def resolve(self, dedup_key: str) -> None:
        self.resolved.append(dedup_key)
        await self._record("resolve")


class RecordingTelephony(Recording):
    """`ports.Telephony`."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[str] = []
        self.queued: list[str] = []
        self.rung: list[RepCall] = []
        self.dialled: list[CallbackDial] = []
        self.hung_up: list[str] = []
        self.live: dict[str, str] = {}
        """Number -> CallSid of its live call with us."""

    def has_rung(self, reps: int) -> bool:
        """Whether this many reps were rung."""
        return len(self.rung) == reps

    async def move_to_conference(self, call_sid: str) -> None:
        self.held.append(call_sid)
        await self._record("move_to_conference")

    async def move_to_failsafe(self, call_sid: str) -> None:
        self.queued.append(call_sid)
        await self._record("move_to_failsafe")

    async def ring_rep(self, call: RepCall) -> str:
        self.rung.append(call)
        await self._record("ring_rep")
        return leg_sid(len(self.rung))

    async def dial_callback(self, dial: CallbackDial) -> str:
        self.dialled.append(dial)
        await self._record("dial_callback")
        return leg_sid(len(self.dialled))

    async def find_live(self, to_number: str, from_number: str) -> str | None:
        await self._record("find_live")
        return self.live.get(to_number)

    async def hang_up(self, call_sid: str) -> None:
        self.hung_up.append(call_sid)
        await self._record("hang_up")


def leg_sid(number: int) -> str:
    """CallSid of the n-th call that the fake telephony placed, counted from 1."""
    return f"CA{number:032x}"


class MemoryObjectStore(Recording):
    """`ports.ObjectStore`."""

    def __init__(self) -> None:
        super().__init__()
        self.blobs: dict[str, bytes] = {}
        self.puts: list[str] = []

    async def put(self, key: str, data: bytes) -> str:
        await self._record("put")
        self.puts.append(key)
        self.blobs[key] = data
        return f"memory://{key}"

    async def get(self, key: str) -> bytes | None:
        await self._record("get")
        return self.blobs.get(key)


class MemoryReadModel(Recording):
    """`ports.ReadModel`."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: dict[str, tuple[CallRecord, str]] = {}

    async def save_call(self, record: CallRecord, trace_url: str) -> None:
        self.calls[record.start.call_sid] = (record, trace_url)
        await self._record("save_call")


class SpellingVoice(Recording):
    """`ports.Voice`: one byte a character."""

    def __init__(self) -> None:
        super().__init__()
        self.spoken: list[tuple[str, str]] = []

    async def stream(self, text: str, language: str) -> AsyncIterator[bytes]:
        self.spoken.append((language, text))
        await self._record("stream")
        for character in text:
            yield character.encode("latin-1")


@dataclass
class World:
    """Everything outside, as one."""

    paging: RecordingPaging = field(default_factory=RecordingPaging)
    telephony: RecordingTelephony = field(default_factory=RecordingTelephony)
    object_store: MemoryObjectStore = field(default_factory=MemoryObjectStore)
    read_model: MemoryReadModel = field(default_factory=MemoryReadModel)
    voice: SpellingVoice = field(default_factory=SpellingVoice)
