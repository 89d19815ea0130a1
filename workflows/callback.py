"""A callback: sleep until the promised moment, ring, try again within limits."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import Priority
from temporalio.exceptions import ActivityError, ApplicationError, FailureError

from workflows.growth import Growth

with workflow.unsafe.imports_passed_through():
    from activities.callback import ASK, DIAL, RULES, CallbackActivities, Due
    from activities.failures import REJECTED, was_rejected
    from activities.handoff import HANG_UP, HandoffActivities
    from firstline import names
    from firstline.domain.callback import (
        PAUSES,
        CallbackInput,
        CallbackRequest,
        CallbackResult,
        CallbackSoFar,
        CallbackState,
        DialStatus,
        OpenCallback,
        callback_problem,
    )
    from firstline.ports import CallbackDial

ANSWER_WITHIN = timedelta(seconds=90)
"""The carrier rings for 60 s and then says so; when it does not, it is asked."""
DETECTED_WITHIN = timedelta(seconds=45)
"""The carrier listens for a machine for at most 30 s; a verdict that never comes counts as a person."""
TALKING_AFTER = timedelta(seconds=10)
"""Whoever picked up hears the greeting at once; a line that no bridge answered is gone within seconds."""
AFTER_THE_REPS = Priority(priority_key=4)
"""Outbound calls share the carrier's one call a second: a rep for a waiting caller is rung first."""
LINES_SHOWN = 100
"""Of its story, in the UI: a promise may be put off and moved for weeks."""
_VERDICTS = frozenset(DialStatus) - {DialStatus.ANSWERED}


class _Refused(Exception):
    """The carrier does not ring this number, or the rules of today do not."""

    def __init__(self, state: CallbackState) -> None:
        super().__init__(state.value)
        self.state = state


@workflow.defn(name=names.CALLBACK_WORKFLOW)
class CallbackWorkflow:
    """Ends `answered`, `unreached`, `cancelled` or `refused`. The timer is durable: it survives every process."""

    @workflow.init
    def __init__(self, promise: CallbackInput) -> None:
        self._request = promise.request
        self._line_number = promise.line_number
        self._due = datetime.fromisoformat(promise.request.at)
        self._state = CallbackState.WAITING
        self._pauses = PAUSES
        self._attempts = 0
        """Since it was promised or moved: what is promised anew has all of its attempts."""
        self._cancelled = False
        self._statuses: dict[str, list[DialStatus]] = {}
        self._awaited: list[str] = []
        """Dialled calls of which nothing was heard in time."""
        self._history: list[str] = []
        self._growth = Growth()
        if promise.so_far is not None:
            self._take_up(promise.so_far)

    @workflow.run
    async def run(self, promise: CallbackInput) -> CallbackResult:
        """The story of a callback."""
        result = await self._keep()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return result

    # --- steps ------------------------------------------------------------------------------------------------------

    async def _keep(self) -> CallbackResult:
        try:
            while await self._until_due():
                promised, late = self._request, self._heard_of_late()
                dialled_sid = late or await self._ring()
                if dialled_sid is None:
                    continue
                if await self._reached_a_person(dialled_sid) and not await self._cut_off(dialled_sid):
                    return self._end(CallbackState.ANSWERED, dialled_sid)
                if late is None and self._request is promised:
                    self._try_again_later()
        except _Refused as refused:
            return self._end(refused.state)
        return self._end(CallbackState.CANCELLED)

    async def _until_due(self) -> bool:
        """Sleep until the next attempt, which may be moved meanwhile; False when it was cancelled."""
        while not self._cancelled and self._heard_of_late() is None and self._due > workflow.now():
            if self._may_go_on_in_a_new_run():
                self._go_on_in_a_new_run()
            due = self._due
            self._reach(CallbackState.WAITING, f"To be rung at {due.isoformat()}")
            await self._unless(
                lambda due=due: self._is_over_or_moved(due) or self._may_go_on_in_a_new_run(),  # type: ignore[misc]
                due - workflow.now(),
                f"Callback at {due.isoformat()}",
            )
        return not self._cancelled

    async def _ring(self) -> str | None:
        """CallSid of the outbound call, empty when the carrier stays away; None when now is not the time.

        Hours, holidays and the countries we call may have changed since the promise: they are asked again each time.
        """
        ruling = await workflow.execute_local_activity_method(
            CallbackActivities.callback_ruling,
            Due(self._request.phone, workflow.now().isoformat()),
            summary="May we ring now?",
            **RULES,
        )
        if not ruling.allowed_at:
            self._reach(self._state, f"Not rung: {ruling.refusal}")
            raise _Refused(CallbackState.REFUSED)
        if ruling.refusal:
            self._due = datetime.fromisoformat(ruling.allowed_at)
            self._reach(self._state, f"Put off: {ruling.refusal}")
            return None
        if self._cancelled and workflow.patched("cancelled-while-the-rules-were-read"):
            return None
        if ruling.pauses_s:
            self._pauses = tuple(timedelta(seconds=pause) for pause in ruling.pauses_s)
        self._attempts += 1
        self._reach(CallbackState.DIALING, f"Attempt {self._attempts}: ringing")
        return await self._dial()

    async def _dial(self) -> str:
        dial = CallbackDial(
            promised_in=self._request.call_sid,
            to_number=self._request.phone,
            from_number=self._line_number,
            language=self._request.language,
        )
        try:
            return await workflow.execute_activity_method(
                CallbackActivities.dial_callback,
                dial,
                summary=f"Ring back, attempt {self._attempts}",
                task_queue=names.dial_task_queue(workflow.info().task_queue),
                priority=AFTER_THE_REPS,
                **DIAL,
            )
        except ActivityError as error:
            self._reach(self._state, f"Attempt {self._attempts}: the carrier did not dial")
            if was_rejected(error):
                raise _Refused(CallbackState.UNREACHED) from error
            # A call may have come about all the same: then its status has come, or will.
            return next(iter(self._statuses.keys() - set(self._awaited)), "")

    async def _reached_a_person(self, dialled_sid: str) -> bool:
        """What became of a dialled call; it may be known before the dialling is."""
        if not dialled_sid:
            return False
        if dialled_sid not in self._awaited:
            self._awaited.append(dialled_sid)
        heard = self._statuses.setdefault(dialled_sid, [])
        if await self._unless(lambda: bool(heard), ANSWER_WITHIN, "Somebody answers or not"):
            heard += await self._ask_the_carrier(dialled_sid)
        if heard == [DialStatus.ANSWERED]:
            self._reach(self._state, f"Attempt {self._attempts}: picked up")
            if await self._unless(lambda: bool(_VERDICTS & set(heard)), DETECTED_WITHIN, "A person or a machine"):
                heard += await self._ask_who_answered(dialled_sid)
        if DialStatus.MACHINE in heard:
            await self._hang_up(dialled_sid)
        self._reach(self._state, f"Attempt {self._attempts}: {heard[-1].value if heard else 'no status'}")
        reached = DialStatus.MACHINE not in heard and bool({DialStatus.ANSWERED, DialStatus.HUMAN} & set(heard))
        heard.clear()
        return reached

    async def _cut_off(self, dialled_sid: str) -> bool:
        """Whether no bridge was there as they picked up: a promise is kept when somebody speaks with them."""
        if not workflow.patched("cut-off-at-pick-up"):
            return False
        await workflow.sleep(TALKING_AFTER, summary="They are talking by now")
        if DialStatus.CUT_OFF not in await self._ask_the_carrier(dialled_sid):
            return False
        self._reach(self._state, f"Attempt {self._attempts}: the line was gone as they picked up")
        return True

    async def _ask_the_carrier(self, dialled_sid: str) -> list[DialStatus]:
        """Its status is told once, and no bridge may have been there to be told: nobody is rung again for that."""
        try:
            status = await workflow.execute_activity_method(
                CallbackActivities.dialled_status, dialled_sid, summary="What became of the call", **ASK
            )
        except ActivityError:
            self._reach(self._state, "The carrier does not know what became of the call")
            return []
        return [status] if status is not None else []

    async def _ask_who_answered(self, dialled_sid: str) -> list[DialStatus]:
        """The verdict is told once, too: a machine must not pass for the person for want of a listener."""
        if not workflow.patched("ask-who-answered"):
            return []
        return await self._ask_the_carrier(dialled_sid)

    async def _hang_up(self, dialled_sid: str) -> None:
        """Nothing is said to a machine: whoever plays the message back may be somebody else."""
        try:
            await workflow.execute_activity_method(
                HandoffActivities.hang_up, dialled_sid, summary="Hang up on a machine", **HANG_UP
            )
        except ActivityError:
            self._reach(self._state, "The call to the machine could not be ended")

    def _try_again_later(self) -> None:
        if self._attempts > len(self._pauses):
            raise _Refused(CallbackState.UNREACHED)
        self._due = workflow.now() + self._pauses[self._attempts - 1]

    def _end(self, state: CallbackState, dialled_sid: str = "") -> CallbackResult:
        self._reach(state, f"The callback ends: {state.value}")
        return CallbackResult(state, dialled_sid, self._attempts)

    # --- messages ---------------------------------------------------------------------------------------------------

    @workflow.signal(name=names.DIAL_SIGNAL)
    def dial_status(self, dialled_sid: str, status: DialStatus) -> None:
        """What became of a dialled call."""
        self._statuses.setdefault(dialled_sid, []).append(status)
        self._growth.look()

    @workflow.signal(name=names.MOVE_SIGNAL)
    def move(self, request: CallbackRequest) -> None:
        """Ring at another time, or another number. An attempt that is under way goes on."""
        self._request = request
        self._due = datetime.fromisoformat(request.at)
        self._attempts = 0
        self._growth.look()

    @workflow.signal(name=names.CANCEL_SIGNAL)
    def cancel(self) -> None:
        """The caller does not want to be rung any more."""
        self._cancelled = True

    @workflow.update(name=names.CANCEL_UPDATE)
    async def withdraw(self) -> None:
        """Ring nobody: once this is answered, it is certain. Harmless when repeated."""
        if self._cancelled:
            return
        self._cancelled = True
        self._reach(self._state, "The caller does not want to be rung any more")
        # The call in which it was promised may still be on the line: its outcome is another one now.
        call = workflow.get_external_workflow_handle(names.call_workflow_id(self._request.call_sid))
        with suppress(FailureError):
            await call.signal(names.CALLBACK_CANCELLED_SIGNAL)

    @withdraw.validator
    def _cancellable(self) -> None:
        if self._state is CallbackState.DIALING:
            raise _refusal("The callback was not cancelled: it is being dialled already")

    @workflow.update(name=names.MOVE_UPDATE)
    async def reschedule(self, request: CallbackRequest) -> None:
        """Move it, if the rules allow the new time and number."""
        problem = await workflow.execute_local_activity_method(
            CallbackActivities.check_callback, request, summary="May it be moved there?", **RULES
        )
        if problem:
            raise _refusal(f"The callback was not moved: {problem}")
        self.move(request)

    @reschedule.validator
    def _movable(self, request: CallbackRequest) -> None:
        if request.call_sid != self._request.call_sid:
            raise _refusal("The callback was not moved: the request belongs to another call")
        if problem := callback_problem(request, workflow.now()):
            raise _refusal(f"The callback was not moved: {problem}")

    @workflow.query(name=names.STATE_QUERY)
    def state(self) -> CallbackState:
        """Where the callback stands."""
        return self._state

    @workflow.query(name=names.PROMISE_QUERY)
    def promise(self) -> OpenCallback:
        """What is owed, and when."""
        request = self._request
        return OpenCallback(
            workflow.info().workflow_id,
            self._due.isoformat(),
            request.phone,
            request.topic,
            self._state,
            self._attempts,
            request.call_sid,
        )

    # --- helpers ----------------------------------------------------------------------------------------------------

    def _take_up(self, so_far: CallbackSoFar) -> None:
        """Go on where the run before ended."""
        self._request, self._due = so_far.request, datetime.fromisoformat(so_far.due)
        self._attempts, self._cancelled = so_far.attempts, so_far.cancelled
        self._statuses, self._awaited, self._history = so_far.statuses, so_far.awaited, so_far.history

    def _may_go_on_in_a_new_run(self) -> bool:
        return self._growth.due and workflow.all_handlers_finished()

    def _go_on_in_a_new_run(self) -> None:
        so_far = CallbackSoFar(
            self._request,
            self._due.isoformat(),
            self._attempts,
            self._cancelled,
            self._statuses,
            self._awaited,
            self._history,
        )
        workflow.continue_as_new(CallbackInput(self._request, self._line_number, so_far))

    def _is_over_or_moved(self, due: datetime) -> bool:
        return self._cancelled or self._due != due or self._heard_of_late() is not None

    def _heard_of_late(self) -> str | None:
        """A dialled call that was given up because nothing was heard of it, and of which something was heard since."""
        return next((sid for sid in self._awaited if self._statuses.get(sid)), None)

    async def _unless(self, condition: Callable[[], bool], within: timedelta, summary: str) -> bool:
        """Wait; True when the time passed without the condition."""
        try:
            await workflow.wait_condition(condition, timeout=within, timeout_summary=summary)
        except TimeoutError:
            return True
        return False

    def _reach(self, state: CallbackState, line: str) -> None:
        self._state = state
        self._history = [*self._history, f"- {workflow.now():%Y-%m-%d %H:%M:%S} {line}"][-LINES_SHOWN:]
        workflow.set_current_details("\n".join([f"**{state.value}**", "", *self._history]))


def _refusal(line: str) -> ApplicationError:
    """A refusal of an update; the line is handed to whoever asked."""
    return ApplicationError(line, type=REJECTED, non_retryable=True)
