"""The control plane in memory: the same rules, no durability."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from firstline.domain.call import E164, CallStarted
from firstline.domain.call_state import CallState
from firstline.domain.callback import (
    CallbackBooked,
    CallbackRequest,
    CallbackState,
    DialStatus,
    OpenCallback,
    callback_problem,
)
from firstline.domain.facts import Fact, NextStep
from firstline.domain.gate import decide_handoff
from firstline.domain.handoff import HandoffAccepted, HandoffRequest, HandoffState, RepAnswer
from firstline.domain.resume import ResumeContext
from firstline.names import callback_workflow_id, handoff_workflow_id
from firstline.ports import PortError, Rejected


class FakeCallControl:
    """`ports.CallControl`: every call's state, and what was asked."""

    def __init__(self) -> None:
        self.calls: dict[str, CallState] = {}
        self.delivered: list[Fact] = []
        """Every fact of every delivery, repeats included."""
        self.handoffs: list[HandoffRequest] = []
        self.callbacks: list[CallbackRequest] = []
        self.rep_answers: list[tuple[str, str, RepAnswer]] = []
        self.joined: list[tuple[str, str]] = []
        self.left: list[str] = []
        self.dialled: list[tuple[str, str, DialStatus]] = []
        self.owed: dict[str, CallbackRequest] = {}
        """Callback id -> what was promised and is neither kept nor cancelled."""
        self.dialling: set[str] = set()
        """Ids of callbacks that are being dialled now."""
        self.acknowledged: list[tuple[str, str]] = []
        self.too_late: Counter[str] = Counter()
        """Message -> how often it came for a call that was over."""
        self.unreachable = False
        """While true, every request raises `PortError`."""

    async def deliver(self, start: CallStarted, facts: Sequence[Fact]) -> None:
        call = self._call(start)
        self.delivered += facts
        if call.over:
            self.too_late["facts"] += 1
            return
        for fact in facts:
            call.learn(fact)

    async def request_handoff(self, start: CallStarted, request: HandoffRequest, timeout: float) -> HandoffAccepted:
        call = self._open_call(start)
        self.handoffs.append(request)
        if call.handoff is not None:
            return replace(call.handoff, already=True)
        decision = decide_handoff(request.evidence)
        if not decision.allowed:
            raise Rejected(f"No person was called: {decision.why}")
        call.handoff = HandoffAccepted(handoff_workflow_id(request.call_sid), decision)
        call.handoff_state = HandoffState.PAGING
        return call.handoff

    async def request_callback(self, start: CallStarted, request: CallbackRequest, timeout: float) -> CallbackBooked:
        call = self._open_call(start)
        self.callbacks.append(request)
        if problem := callback_problem(request, datetime.now(UTC)):
            raise Rejected(f"No callback was booked: {problem}")
        call.callback = CallbackBooked(callback_workflow_id(request.call_sid), request.at)
        self.owed[call.callback.callback_id] = request
        return call.callback

    async def next_step(self, call_sid: str, timeout: float) -> NextStep:
        return self._known(call_sid).next_step

    async def resume_context(self, call_sid: str, timeout: float) -> ResumeContext:
        return self._known(call_sid).resume_context()

    async def rep_answered(self, call_sid: str, rep_number: str, answer: RepAnswer) -> None:
        self._reach()
        self.rep_answers.append((call_sid, rep_number, answer))
        self._handed_off(call_sid)

    async def rep_joined(self, call_sid: str, leg_sid: str) -> None:
        self._reach()
        self.joined.append((call_sid, leg_sid))
        self._handed_off(call_sid)

    async def caller_left(self, call_sid: str) -> None:
        self.left.append(call_sid)
        self._live(call_sid, f"call-{call_sid}").end(datetime.now(UTC).isoformat(), "the caller hung up")

    async def dial_status(self, promised_in: str, dialled_sid: str, status: DialStatus) -> None:
        self._reach()
        self.dialled.append((promised_in, dialled_sid, status))
        call = self.calls.get(promised_in)
        if call is None or call.callback is None:
            raise Rejected(f"{callback_workflow_id(promised_in)} is over")

    async def open_callbacks(self, phone: str, timeout: float) -> list[OpenCallback]:
        self._reach()
        if not E164.match(phone):
            raise Rejected("the phone number is not in international format")
        found = [
            OpenCallback(callback_id, owed.at, owed.phone, owed.topic, CallbackState.WAITING, 0, owed.call_sid)
            for callback_id, owed in self.owed.items()
            if owed.phone == phone
        ]
        return sorted(found, key=lambda one: datetime.fromisoformat(one.at))

    async def move_callback(self, callback_id: str, request: CallbackRequest) -> None:
        self._reach()
        if callback_id not in self.owed:
            raise Rejected(f"{callback_id} is over")
        if callback_workflow_id(request.call_sid) != callback_id:
            raise Rejected("The callback was not moved: the request belongs to another call")
        if problem := callback_problem(request, datetime.now(UTC)):
            raise Rejected(f"The callback was not moved: {problem}")
        self.owed[callback_id] = request

    async def cancel_callback(self, callback_id: str) -> None:
        self._reach()
        if callback_id in self.dialling:
            raise Rejected("The callback was not cancelled: it is being dialled already")
        owed = self.owed.pop(callback_id, None)
        if owed is None:
            raise Rejected(f"{callback_id} is over")
        if owed.call_sid in self.calls:
            self.calls[owed.call_sid].callback = None

    async def page_acknowledged(self, handoff_id: str, by: str) -> None:
        call = self._live(handoff_id.removeprefix("handoff-"), handoff_id)
        if call.handoff is None:
            raise Rejected(f"{handoff_id} is over")
        self.acknowledged.append((handoff_id, by))

    def _reach(self) -> None:
        if self.unreachable:
            raise PortError("the control plane does not answer")

    def _call(self, start: CallStarted) -> CallState:
        self._reach()
        return self.calls.setdefault(start.call_sid, CallState(start))

    def _open_call(self, start: CallStarted) -> CallState:
        call = self._call(start)
        if call.over:
            raise Rejected("The call is over")
        return call

    def _known(self, call_sid: str) -> CallState:
        self._reach()
        if call_sid not in self.calls:
            raise PortError("nobody knows this call")
        return self.calls[call_sid]

    def _handed_off(self, call_sid: str) -> None:
        if self._live(call_sid, handoff_workflow_id(call_sid)).handoff is None:
            raise Rejected(f"{handoff_workflow_id(call_sid)} is over")

    def _live(self, call_sid: str, workflow_id: str) -> CallState:
        self._reach()
        call = self.calls.get(call_sid)
        if call is None or call.over:
            raise Rejected(f"{workflow_id} is over")
        return call
