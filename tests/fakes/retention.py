"""What is kept of calls, in the dictionary of a fake read model; and workflows in a list."""

from collections.abc import Collection, Sequence
from datetime import datetime

from firstline.domain.retention import KeptCall
from firstline.ports import CallRecord
from tests.fakes.read_model import FakeReadModel


class FakeRetention:
    """`ports_after_call.Retention` over the calls that were saved."""

    def __init__(self, read_model: FakeReadModel) -> None:
        self._read_model = read_model
        self.holds: dict[str, str] = {}

    async def held(self) -> Collection[str]:
        of_callers = {sid for sid, (call, _) in self._calls() if call.start.from_number in self.holds}
        return of_callers | {subject for subject in self.holds if not subject.startswith("+")}

    async def hold(self, subject: str, why: str) -> None:
        self.holds[subject] = why

    async def release(self, subject: str) -> bool:
        return self.holds.pop(subject, None) is not None

    async def trace_moved(self, call_sid: str, trace_url: str) -> None:
        if call_sid in self._read_model.calls:
            self._read_model.calls[call_sid] = (self._read_model.calls[call_sid][0], trace_url)

    async def forget_before(self, moment: datetime) -> int:
        held = await self.held()
        old = [sid for sid, (call, _) in self._calls() if datetime.fromisoformat(call.start.started_at) < moment]
        return await self.forget([sid for sid in old if sid not in held])

    async def calls_of(self, phone: str) -> Sequence[KeptCall]:
        return [
            KeptCall(sid, call.start.started_at[:10])
            for sid, (call, _) in sorted(self._calls(), key=lambda item: item[1][0].start.started_at)
            if call.start.from_number == phone
        ]

    async def forget(self, call_sids: Collection[str]) -> int:
        return sum(self._read_model.calls.pop(sid, None) is not None for sid in call_sids)

    def _calls(self) -> list[tuple[str, tuple[CallRecord, str]]]:
        return list(self._read_model.calls.items())


class FakeCallerWorkflows:
    """`ports_after_call.CallerWorkflows`: closed calls by phone, and what runs."""

    def __init__(self, closed: dict[str, list[KeptCall]] | None = None, running: Sequence[str] = ()) -> None:
        self.closed = closed or {}
        self.running = list(running)

    async def calls_of(self, phone: str) -> Sequence[KeptCall]:
        return list(self.closed.get(phone, []))

    async def forget_caller(self, phone: str, kept: Collection[str]) -> tuple[int, list[str]]:
        closed = self.closed.get(phone, [])
        self.closed[phone] = [call for call in closed if call.call_sid in kept]
        return len(closed) - len(self.closed[phone]), self.running
