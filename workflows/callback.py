"""A callback: sleep until the promised moment, ring, try again within limits."""

from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.callback import DIAL, CallbackActivities
    from firstline import names
    from firstline.domain.callback import (
        CallbackInput,
        CallbackRequest,
        CallbackResult,
        CallbackState,
        DialStatus,
    )
    from firstline.ports import CallbackDial

PAUSES = (timedelta(minutes=5), timedelta(minutes=30))
"""After the first and the second attempt that reached nobody; after the third it is over."""
ANSWER_WITHIN = timedelta(seconds=90)
"""The carrier rings for 60 s and then says so; a status that never comes counts as no answer."""


@workflow.defn(name=names.CALLBACK_WORKFLOW)
class CallbackWorkflow:
    """Ends `answered`, `unreached` or `cancelled`. The timer is durable: it survives every process."""

    @workflow.init
    def __init__(self, promise: CallbackInput) -> None:
        self._request = promise.request
        self._line_number = promise.line_number
        self._state = CallbackState.WAITING
        self._cancelled = False
        self._statuses: dict[str, DialStatus] = {}
        self._history: list[str] = []

    @workflow.run
    async def run(self, promise: CallbackInput) -> CallbackResult:
        """The story of a callback."""
        await self._until_due()
        for attempt in range(1, len(PAUSES) + 2):
            if self._cancelled:
                return self._end(CallbackState.CANCELLED, attempts=attempt - 1)
            self._reach(CallbackState.DIALING, f"Attempt {attempt}: ringing")
            dialled_sid = await self._dial(attempt)
            if dialled_sid is None:
                return self._end(CallbackState.UNREACHED, attempts=attempt)
            status = await self._status_of(dialled_sid)
            if status is DialStatus.ANSWERED:
                return self._end(CallbackState.ANSWERED, dialled_sid, attempt)
            self._reach(CallbackState.WAITING, f"Attempt {attempt}: {status.value}")
            if attempt <= len(PAUSES):
                await self._unless(lambda: self._cancelled, PAUSES[attempt - 1], f"Pause before attempt {attempt + 1}")
        return self._end(CallbackState.UNREACHED, attempts=len(PAUSES) + 1)

    # --- steps ------------------------------------------------------------------------------------------------------

    async def _until_due(self) -> None:
        """Sleep until the promised moment, which may be moved meanwhile."""
        while not (self._cancelled or await self._slept_until(self._request)):
            continue

    async def _slept_until(self, promised: CallbackRequest) -> bool:
        """Whether the promised moment came; False when it was moved or cancelled meanwhile."""
        self._reach(CallbackState.WAITING, f"To be rung at {promised.at}")
        wait = datetime.fromisoformat(promised.at) - workflow.now()
        return wait <= timedelta(0) or await self._unless(
            lambda: self._cancelled or self._request is not promised, wait, f"Callback at {promised.at}"
        )

    async def _dial(self, attempt: int) -> str | None:
        """CallSid of the outbound call; None when the carrier refuses the number or stays away."""
        dial = CallbackDial(
            promised_in=self._request.call_sid,
            to_number=self._request.phone,
            from_number=self._line_number,
            language=self._request.language,
        )
        try:
            return await workflow.execute_activity_method(
                CallbackActivities.dial_callback, dial, summary=f"Ring back, attempt {attempt}", **DIAL
            )
        except ActivityError:
            self._reach(self._state, f"Attempt {attempt}: the carrier did not dial")
            return None

    async def _status_of(self, dialled_sid: str) -> DialStatus:
        """What became of a dialled call; it may be known before the dialling is."""
        await self._unless(lambda: dialled_sid in self._statuses, ANSWER_WITHIN, "Somebody answers or not")
        return self._statuses.get(dialled_sid, DialStatus.NO_ANSWER)

    def _end(self, state: CallbackState, dialled_sid: str = "", attempts: int = 0) -> CallbackResult:
        self._reach(state, f"The callback ends: {state.value}")
        return CallbackResult(state, dialled_sid, attempts)

    # --- messages ---------------------------------------------------------------------------------------------------

    @workflow.signal(name=names.DIAL_SIGNAL)
    def dial_status(self, dialled_sid: str, status: DialStatus) -> None:
        """What became of a dialled call; the first status of a call counts."""
        self._statuses.setdefault(dialled_sid, status)

    @workflow.signal
    def move(self, request: CallbackRequest) -> None:
        """Ring at another time, or another number; too late once the dialling has begun."""
        self._request = request

    @workflow.signal
    def cancel(self) -> None:
        """The caller does not want to be rung any more."""
        self._cancelled = True

    @workflow.query(name=names.STATE_QUERY)
    def state(self) -> CallbackState:
        """Where the callback stands."""
        return self._state

    # --- helpers ----------------------------------------------------------------------------------------------------

    async def _unless(self, condition: Callable[[], bool], within: timedelta, summary: str) -> bool:
        """Wait; True when the time passed without the condition."""
        try:
            await workflow.wait_condition(condition, timeout=within, timeout_summary=summary)
        except TimeoutError:
            return True
        return False

    def _reach(self, state: CallbackState, line: str) -> None:
        self._state = state
        self._history.append(f"- {workflow.now():%Y-%m-%d %H:%M:%S} {line}")
        workflow.set_current_details("\n".join([f"**{state.value}**", "", *self._history]))
