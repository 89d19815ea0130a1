"""A handoff, as a saga: page a person, hold the caller, ring one rep after the other, and always know a way on."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
from temporalio.common import Priority
from temporalio.exceptions import ActivityError, FailureError

with workflow.unsafe.imports_passed_through():
    from activities import handoff as steps
    from activities.failures import was_rejected
    from activities.handoff import HandoffActivities
    from activities.on_call import ON_CALL, OnCallActivities
    from firstline import names
    from firstline.domain.brief import reason_in_words, spoken_brief
    from firstline.domain.handoff import HandoffInput, HandoffResult, HandoffState, RepAnswer
    from firstline.domain.reps import Reps
    from firstline.ports import RepCall

PROGRESS_SIGNAL = "handoff_progress"
"""Sent to the call's workflow with the state reached and a line for its timeline."""

FAREWELL_WITHIN = timedelta(seconds=10)
"""The agent's last words are heard out for at most this long."""
RING_SECONDS = 20
BRIEF_SECONDS = 20
"""For a rep who picked up to hear the brief and to press 1."""
JOIN_WITHIN = timedelta(seconds=15)
"""From the press of 1 to the conference; a rep whose key a dying bridge lost is asked for it again meanwhile."""

BEFORE_CALLBACKS = Priority(priority_key=1)
"""Outbound calls share the carrier's one call a second, and here a caller is waiting."""


class _CallerLeft(Exception):
    """The caller hung up: nothing is owed any more."""


@workflow.defn(name=names.HANDOFF_WORKFLOW)
class HandoffWorkflow:
    """Ends `bridged`, `failsafe` or `caller_left`; every state has a timer and a way on."""

    @workflow.init
    def __init__(self, handoff: HandoffInput) -> None:
        self._request = handoff.request
        self._handoff = handoff
        self._state = HandoffState.PAGING
        self._history: list[str] = []
        self._farewell_played = False
        self._caller_left = False
        self._reps = Reps()
        self._acknowledged_by: list[str] = []
        self._picked_up_ms: int | None = None
        self._on_call: asyncio.Task[list[str]] | None = None
        """Who is on call, asked at once; None in handoffs that began before PagerDuty was asked."""

    @workflow.run
    async def run(self, handoff: HandoffInput) -> HandoffResult:
        """The story of a handoff."""
        await self._reach(HandoffState.PAGING, f"Paging a person: {reason_in_words(handoff.decision)}")
        page = asyncio.create_task(self._page())
        if workflow.patched("who-is-on-call"):
            self._on_call = asyncio.create_task(self._who_is_on_call())
        try:
            await self._hear_out_the_farewell()
            held = await self._hold()
            rep = await self._first_to_accept() if held else None
            if rep is None:
                await self._queue()
        except _CallerLeft:
            await self._reach(HandoffState.CALLER_LEFT, "The caller hung up while waiting")
            await self._resolve(page)
            return HandoffResult(HandoffState.CALLER_LEFT)
        if rep is None:
            await page
            return HandoffResult(HandoffState.FAILSAFE)
        await self._reach(HandoffState.BRIDGED, f"{rep} took the call")
        await self._resolve(page)
        return HandoffResult(HandoffState.BRIDGED, rep, self._picked_up_ms)

    # --- steps ------------------------------------------------------------------------------------------------------

    async def _page(self) -> None:
        """Runs beside the rest: a caller never waits for the pager."""
        try:
            await workflow.execute_activity_method(
                HandoffActivities.page_on_call, self._handoff, summary="Page the person on call", **steps.PAGE
            )
        except ActivityError:
            await self._reach(self._state, "The page could not be sent")

    async def _hear_out_the_farewell(self) -> None:
        await self._until(lambda: self._farewell_played, FAREWELL_WITHIN, "The agent's last words")
        self._go_on_unless_left()

    async def _hold(self) -> bool:
        """Whether the caller now waits in the conference."""
        await self._reach(HandoffState.HOLDING, "Moving the caller to the conference")
        try:
            await workflow.execute_activity_method(
                HandoffActivities.move_to_conference, self._request.call_sid, summary="Hold the caller", **steps.MOVE
            )
        except ActivityError as error:
            if was_rejected(error):
                raise _CallerLeft from error
            await self._reach(self._state, "The carrier did not move the caller")
            return False
        return True

    async def _first_to_accept(self) -> str | None:
        """Number of the rep who took the call; None when nobody did."""
        for rep in await (self._on_call or self._reps_of_the_settings()):
            accepted = await self._offer(rep)
            if accepted is not None and (came := await self._who_came(accepted)) is not None:
                return came
        return None

    async def _who_came(self, accepted: str) -> str | None:
        """Number of the rep who is with the caller; None when the one who accepted was lost on the way."""
        if not workflow.patched("pickup-is-the-join"):
            return accepted
        await self._reach(HandoffState.JOINING, f"{accepted} accepted and is being connected")
        await self._until(
            lambda: self._reps.with_caller is not None or self._reps.is_lost(accepted),
            JOIN_WITHIN,
            f"{accepted} joins the caller",
        )
        if not (self._reps.with_caller or self._reps.is_lost(accepted) or self._caller_left):
            await self._look_into_the_conference(accepted)
        if self._reps.with_caller is None:
            await self._give_up_on(accepted)
        # A leg that the carrier did not end may come after all.
        if self._reps.with_caller is not None:
            self._picked_up_ms = self._waited_ms
        return self._reps.with_caller

    async def _look_into_the_conference(self, accepted: str) -> None:
        """No join was heard: the carrier is asked, for to end the leg of a rep who came would end the conference."""
        try:
            legs = await workflow.execute_activity_method(
                HandoffActivities.legs_with_caller,
                self._request.call_sid,
                summary=f"Is {accepted} with the caller?",
                **steps.JOINED,
            )
        except ActivityError:
            await self._reach(self._state, f"The carrier did not say whether {accepted} came")
            return
        for leg in legs:
            self._reps.joined(leg)

    async def _give_up_on(self, accepted: str) -> None:
        """A rep who accepted did not come: their leg is ended before the next one is rung."""
        leg = self._reps.live_leg(accepted)
        if leg is not None:
            await self._let_go_of(accepted, leg, "accepted and did not come")
        else:
            self._reps.let_go(accepted)
            await self._reach(self._state, f"{accepted} accepted and was lost before joining")
        self._picked_up_ms = None
        self._go_on_unless_left()

    async def _who_is_on_call(self) -> list[str]:
        """Runs beside the farewell and the move: ringing seldom waits for it."""
        try:
            numbers = await workflow.execute_activity_method(
                OnCallActivities.numbers_on_call, summary="Who is on call", **ON_CALL
            )
        except ActivityError:
            await self._reach(self._state, "PagerDuty did not say who is on call: the numbers of the settings are rung")
            return await self._reps_of_the_settings()
        if not numbers:
            await self._reach(self._state, "Nobody on call has a phone: the numbers of the settings are rung")
            return await self._reps_of_the_settings()
        return numbers

    @staticmethod
    async def _reps_of_the_settings() -> list[str]:
        return await workflow.execute_activity_method(
            HandoffActivities.reps_on_call, summary="Who is in the settings", **steps.REPS
        )

    async def _offer(self, rep: str) -> str | None:
        """Ring one rep; number of the rep who accepted, which may be one whose leg an earlier attempt lost sight of."""
        self._go_on_unless_left()
        await self._reach(HandoffState.RINGING, f"Ringing {rep}")
        leg = await self._ring(rep)
        if leg is not None:
            within = timedelta(seconds=RING_SECONDS + BRIEF_SECONDS)
            await self._until(
                lambda: self._reps.accepted is not None or self._reps.has_answered(rep), within, f"{rep} answers or not"
            )
            if self._reps.accepted != rep or self._caller_left:
                await self._let_go_of(rep, leg, self._reps.answer(rep))
        self._go_on_unless_left()
        return self._reps.accepted

    async def _let_go_of(self, rep: str, leg: str, why: str) -> None:
        """End the leg of a rep who does not get the call."""
        self._reps.let_go(rep)
        await self._reach(self._state, f"Letting {rep} go: {'the caller left' if self._caller_left else why}")
        try:
            await workflow.execute_activity_method(
                HandoffActivities.hang_up, leg, summary=f"End the leg of {rep}", **steps.HANG_UP
            )
            self._reps.ended(leg)
        except ActivityError:
            await self._reach(self._state, f"The leg of {rep} could not be ended")

    async def _ring(self, rep: str) -> str | None:
        """CallSid of the rep's leg; None when they could not be rung."""
        call = RepCall(
            call_sid=self._request.call_sid,
            rep_number=rep,
            from_number=self._handoff.line_number,
            brief=spoken_brief(self._handoff.decision, self._request.summary),
            ring_seconds=RING_SECONDS,
        )
        try:
            leg = await workflow.execute_activity_method(
                HandoffActivities.ring_rep,
                call,
                summary=f"Ring {rep}",
                task_queue=names.dial_task_queue(workflow.info().task_queue),
                priority=BEFORE_CALLBACKS,
                **steps.RING,
            )
        except ActivityError:
            await self._reach(self._state, f"{rep} could not be rung")
            return None
        self._reps.rung(rep, leg)
        return leg

    async def _queue(self) -> None:
        """Nobody took the call: the caller waits in the failsafe queue, and the page stays open."""
        self._go_on_unless_left()
        await self._reach(HandoffState.FAILSAFE, "Nobody took the call: the caller goes to the failsafe queue")
        try:
            await workflow.execute_activity_method(
                HandoffActivities.move_to_failsafe, self._request.call_sid, summary="Queue the caller", **steps.FAILSAFE
            )
        except ActivityError as error:
            if was_rejected(error):
                raise _CallerLeft from error
            await self._reach(self._state, "The carrier did not move the caller; the stream's end will")

    async def _resolve(self, page: asyncio.Task[None]) -> None:
        """Close the incident, after it was opened."""
        await page
        try:
            await workflow.execute_activity_method(
                HandoffActivities.resolve_page, self._request.call_sid, summary="Resolve the page", **steps.PAGE
            )
        except ActivityError:
            await self._reach(self._state, "The page could not be resolved")

    # --- messages ---------------------------------------------------------------------------------------------------

    @workflow.signal(name=names.FAREWELL_SIGNAL)
    def farewell_played(self) -> None:
        """The caller heard that a person is being found."""
        self._farewell_played = True

    @workflow.signal(name=names.REP_SIGNAL)
    def rep_answered(self, rep_number: str, answer: RepAnswer) -> None:
        """A rep pressed a key, or did not, or their leg ended."""
        if self._reps.answered(rep_number, answer) and answer is RepAnswer.ACCEPTED and self._picked_up_ms is None:
            self._picked_up_ms = self._waited_ms

    @workflow.signal(name=names.JOINED_SIGNAL)
    def rep_joined(self, leg_sid: str) -> None:
        """A leg came into the caller's conference."""
        self._reps.joined(leg_sid)

    @workflow.signal(name=names.ACKNOWLEDGED_SIGNAL)
    async def page_acknowledged(self, by: str) -> None:
        """Somebody has seen the page. Their taking the call is another thing: reps are rung all the same."""
        if by not in self._acknowledged_by:
            self._acknowledged_by.append(by)
            await self._reach(self._state, f"Page acknowledged by {by}")

    @workflow.signal(name=names.CALLER_LEFT_SIGNAL)
    def caller_left(self) -> None:
        """The caller hung up."""
        self._caller_left = True

    @workflow.query(name=names.STATE_QUERY)
    def state(self) -> HandoffState:
        """Where the handoff stands."""
        return self._state

    # --- helpers ----------------------------------------------------------------------------------------------------

    @property
    def _waited_ms(self) -> int:
        return round((workflow.now() - workflow.info().start_time) / timedelta(milliseconds=1))

    async def _until(self, condition: Callable[[], bool], within: timedelta, summary: str) -> None:
        """Wait for the condition, the time limit or the caller's leaving."""
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._caller_left or condition(), timeout=within, timeout_summary=summary
            )

    def _go_on_unless_left(self) -> None:
        """Before every step for a caller who may have hung up."""
        if self._caller_left:
            raise _CallerLeft

    async def _reach(self, state: HandoffState, line: str) -> None:
        """Show a step to whoever looks: here, and in the call's own timeline."""
        self._state = state
        self._history.append(f"- {workflow.now():%H:%M:%S} {line}")
        workflow.set_current_details("\n".join([f"**{state.value}**", "", *self._history]))
        parent = workflow.info().parent
        if parent is None:
            return
        try:
            call = workflow.get_external_workflow_handle(parent.workflow_id)
            await call.signal(PROGRESS_SIGNAL, args=[state, line])
        except FailureError:
            workflow.logger.warning("The call's workflow is gone; the handoff goes on without telling it")
