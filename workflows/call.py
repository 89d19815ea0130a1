"""The life of a call: one workflow per call, open exactly as long as somebody is at the other end."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, ChildWorkflowError, FailureError
from temporalio.workflow import ChildWorkflowHandle, ParentClosePolicy

from workflows import search
from workflows.callback import CallbackWorkflow
from workflows.closing import keep, record_of, show
from workflows.growth import Growth
from workflows.handoff import PROGRESS_SIGNAL, HandoffWorkflow

with workflow.unsafe.imports_passed_through():
    from activities.callback import RULES, CallbackActivities
    from activities.failures import REJECTED
    from activities.handoff import FAILSAFE, HandoffActivities
    from activities.prefetch import PREFETCH, PrefetchActivities
    from firstline import names
    from firstline.domain.call import Outcome
    from firstline.domain.call_state import CallBegun, CallClosed, CallPhase, CallState, CallView, begun
    from firstline.domain.callback import (
        CallbackBooked,
        CallbackInput,
        CallbackRequest,
        CallbackResult,
        callback_problem,
    )
    from firstline.domain.facts import Fact, NextStep
    from firstline.domain.flags import flags_of, kinds
    from firstline.domain.gate import decide_handoff
    from firstline.domain.handoff import (
        HandoffAccepted,
        HandoffInput,
        HandoffRequest,
        HandoffResult,
        HandoffState,
    )
    from firstline.domain.outcome import decide_outcome
    from firstline.domain.resume import ResumeContext
    from firstline.domain.turn import Turn

LONGEST_CALL = timedelta(hours=2)
"""A call whose end is never told ends after this."""
QUEUE_WATCH = timedelta(minutes=30)
"""A caller in the failsafe queue belongs to the people who answer it; their call's end need not be told to us."""
RESUME_WITHIN = timedelta(minutes=2)
"""A caller whose stream was lost is waited for."""


@workflow.defn(name=names.CALL_WORKFLOW)
class CallWorkflow:
    """What a call promises: that a person is found, that a callback is kept, that the trace is archived."""

    @workflow.init
    def __init__(self, call: CallBegun) -> None:
        self._call = call.so_far or CallState(call.start, began=workflow.info().start_time.isoformat())
        self._growth = Growth()
        self._asked: HandoffRequest | None = None
        self._callback: ChildWorkflowHandle[CallbackWorkflow, CallbackResult] | None = None
        """The callback that this run began."""
        self._booking = asyncio.Lock()

    @workflow.run
    async def run(self, call: CallBegun) -> CallClosed:
        """The story of a call."""
        prefetch = self._begin() if call.so_far is None else None
        if self._call.handoff_result is None:
            await self._until_over(or_if=lambda: self._call.handoff is not None)
            if self._call.handoff is not None:
                await self._hand_off(self._call.handoff)
        if self._call.handoff is not None:
            queued = self._call.handoff_state is HandoffState.FAILSAFE
            await self._until_over(within=QUEUE_WATCH if queued else LONGEST_CALL)
        if prefetch is not None:
            prefetch.cancel()
        await workflow.wait_condition(workflow.all_handlers_finished)
        outcome = self._decide()
        trace_url = await keep(record_of(self._call, outcome, _iso(workflow.now())), self._note)
        if trace_url and workflow.patched("trace-view"):
            await show(self._call.start, self._note)
        return CallClosed(call.call_sid, outcome, trace_url, len(self._call.turns))

    # --- steps ------------------------------------------------------------------------------------------------------

    def _begin(self) -> asyncio.Task[None]:
        start = self._call.start
        workflow.upsert_search_attributes(
            [search.CALLER_NUMBER.value_set(start.from_number), search.LANGUAGE.value_set(start.language)]
        )
        return asyncio.create_task(self._prefetch())

    async def _prefetch(self) -> None:
        """Runs beside the call, which does not wait for it."""
        try:
            done = await workflow.execute_activity_method(
                PrefetchActivities.prefetch_languages, summary="Warm every supported language", **PREFETCH
            )
        except ActivityError:
            self._note("The languages could not be prefetched")
        else:
            self._note(f"Languages prefetched: {done.made} phrases made, {done.present} present")

    async def _until_over(self, or_if: Callable[[], bool] = lambda: False, within: timedelta = LONGEST_CALL) -> None:
        """Wait for the call's end; a lost stream is given time to come back."""
        latest = min(workflow.now() + within, datetime.fromisoformat(self._call.began) + LONGEST_CALL)
        while not (self._call.over or or_if()):
            if self._growth.due:
                await self._go_on_in_a_new_run(or_if)
            else:
                await self._watch(or_if, latest - workflow.now())

    async def _go_on_in_a_new_run(self, unless: Callable[[], bool]) -> None:
        """Never while a person is being found: that saga answers to the run that began it, and is short."""
        await workflow.wait_condition(workflow.all_handlers_finished)
        if not (self._call.over or unless()):
            workflow.continue_as_new(begun(self._call.start, self._call))

    async def _watch(self, enough: Callable[[], bool], left: timedelta) -> None:
        """Wait until the call is over or its caller goes away or comes back."""
        away = self._call.phase is CallPhase.AWAY
        try:
            await workflow.wait_condition(
                lambda: self._call.over or enough() or (self._call.phase is CallPhase.AWAY) != away or self._growth.due,
                timeout=min(RESUME_WITHIN, left) if away else left,
                timeout_summary="The caller comes back" if away else "The longest a call may last",
            )
        except TimeoutError:
            self._end("the caller did not come back" if away else "its end was never told")

    async def _hand_off(self, accepted: HandoffAccepted) -> None:
        """Let the saga find a person; afterwards the result is known, whatever happened."""
        if self._call.over or self._asked is None:
            self._call.handoff_result = HandoffResult(HandoffState.CALLER_LEFT)
            return
        start = self._call.start
        saga = await workflow.start_child_workflow(
            HandoffWorkflow.run,
            HandoffInput(self._asked, start.from_number, start.to_number, accepted.decision),
            id=accepted.handoff_id,
            parent_close_policy=ParentClosePolicy.ABANDON,
            search_attributes=search.of_caller(start.from_number, self._call.language),
            static_summary=f"Find a person for {start.from_number}",
        )
        relay = asyncio.create_task(self._relay(saga))
        try:
            result = await saga
        except ChildWorkflowError:
            result = await self._catch_the_caller()
        relay.cancel()
        self._call.handoff_result, self._call.handoff_state = result, result.state
        if result.state is HandoffState.CALLER_LEFT:
            self._end("the caller hung up while waiting for a person")
        self._show()

    async def _catch_the_caller(self) -> HandoffResult:
        """The saga broke off, by hand or by a fault, and may have left the caller in an empty conference."""
        self._note("The handoff broke off: the caller goes to the failsafe queue")
        with suppress(ActivityError):
            await workflow.execute_activity_method(
                HandoffActivities.move_to_failsafe, self._call.start.call_sid, summary="Queue the caller", **FAILSAFE
            )
        return HandoffResult(HandoffState.FAILSAFE)

    async def _relay(self, saga: ChildWorkflowHandle[HandoffWorkflow, HandoffResult]) -> None:
        """Pass on to the saga what the call learns."""
        await workflow.wait_condition(lambda: self._call.farewell_played or self._call.over)
        try:
            if self._call.farewell_played:
                await saga.signal(HandoffWorkflow.farewell_played)
            await workflow.wait_condition(lambda: self._call.over)
            await saga.signal(HandoffWorkflow.caller_left)
        except FailureError:
            self._note("The handoff had ended already")

    def _decide(self) -> Outcome:
        """Write down how the call ended, where people look for it."""
        call = self._call
        call.outcome = decide_outcome(call.turns, call.handoff_result, call.callback is not None)
        self._note(f"Outcome: {call.outcome.value}")
        workflow.upsert_search_attributes(
            [
                search.OUTCOME.value_set(call.outcome.value),
                search.DEFLECTED.value_set(call.outcome is Outcome.RESOLVED),
                search.TURNS.value_set(len(call.turns)),
                search.LANGUAGE.value_set(call.language),
                search.FLAGS.value_set(kinds(flags_of(call.turns, call.handoff_reason))),
            ]
        )
        return call.outcome

    # --- messages ---------------------------------------------------------------------------------------------------

    @workflow.signal(name=names.FACTS_SIGNAL)
    def facts(self, facts: list[Fact]) -> None:
        """What the bridge saw; delivered at least once, learnt once."""
        for fact in facts:
            self._call.learn(fact)
        self._growth.look()
        self._show()

    @workflow.signal(name=names.CALLER_LEFT_SIGNAL)
    def caller_left(self) -> None:
        """The caller left the conference: they hung up, unless we ourselves moved them to the queue."""
        if self._call.handoff_state is HandoffState.FAILSAFE:
            self._note("The caller left the conference for the queue")
        else:
            self._end("the caller hung up")

    @workflow.signal(name=names.CALLBACK_CANCELLED_SIGNAL)
    async def callback_cancelled(self) -> None:
        """Nothing is owed any more, and another callback may be promised."""
        async with self._booking:
            self._call.callback = None
            self._note("The callback was cancelled")
            if self._callback is not None:
                # Another one will have the same id.
                with suppress(ChildWorkflowError):
                    await self._callback
            self._callback = None

    @workflow.signal(name=PROGRESS_SIGNAL)
    def handoff_progress(self, state: HandoffState, line: str) -> None:
        """A step of the handoff."""
        self._call.handoff_state = state
        self._note(line)

    @workflow.update(name=names.HANDOFF_UPDATE)
    def handoff(self, request: HandoffRequest) -> HandoffAccepted:
        """Promise a person. Asking again returns the same handoff: nobody is paged twice."""
        if self._call.handoff is not None:
            return replace(self._call.handoff, already=True)
        decision = decide_handoff(request.evidence)
        self._asked = request
        self._call.handoff = HandoffAccepted(names.handoff_workflow_id(request.call_sid), decision)
        self._call.handoff_state = HandoffState.PAGING
        if decision.reason is not None:
            workflow.upsert_search_attributes([search.HANDOFF_REASON.value_set(decision.reason.value)])
        self._note(f"Handoff accepted: {decision.why}")
        return self._call.handoff

    @handoff.validator
    def _gate(self, request: HandoffRequest) -> None:
        """The gate, authoritatively: what it refuses leaves no trace of a handoff."""
        self._refuse_if_foreign_or_over(request.call_sid)
        if self._call.handoff is None and not (decision := decide_handoff(request.evidence)).allowed:
            raise _refusal(f"No person was called: {decision.why}")

    @workflow.update(name=names.CALLBACK_UPDATE)
    async def callback(self, request: CallbackRequest) -> CallbackBooked:
        """Promise a callback, or move the one that this call has already promised."""
        async with self._booking:
            if problem := await workflow.execute_local_activity_method(
                CallbackActivities.check_callback, request, summary="May it be promised?", **RULES
            ):
                raise _refusal(f"No callback was booked: {problem}")
            if self._call.callback is None:
                self._callback = await workflow.start_child_workflow(
                    CallbackWorkflow.run,
                    CallbackInput(request, self._call.start.to_number),
                    id=names.callback_workflow_id(request.call_sid),
                    parent_close_policy=ParentClosePolicy.ABANDON,
                    search_attributes=search.of_caller(request.phone, request.language),
                    static_summary=f"Ring {request.phone} at {request.at}",
                )
            elif self._callback is not None:
                await self._callback.signal(CallbackWorkflow.move, request)
            else:
                promised = workflow.get_external_workflow_handle(self._call.callback.callback_id)
                await promised.signal(CallbackWorkflow.move, request)
            self._call.callback = CallbackBooked(names.callback_workflow_id(request.call_sid), request.at)
            self._growth.look()
            self._note(f"Callback promised for {request.at}")
            return self._call.callback

    @callback.validator
    def _bookable(self, request: CallbackRequest) -> None:
        self._refuse_if_foreign_or_over(request.call_sid)
        if problem := callback_problem(request, workflow.now()):
            raise _refusal(f"No callback was booked: {problem}")
        booked = self._call.callback
        if booked is not None and datetime.fromisoformat(booked.at) <= workflow.now():
            raise _refusal("No callback was booked: the one promised in this call is being dialled already")

    @workflow.query(name=names.NEXT_STEP_QUERY)
    def next_step(self) -> NextStep:
        """What to do with a caller whose stream has ended."""
        return self._call.next_step

    @workflow.query(name=names.RESUME_QUERY)
    def resume_context(self) -> ResumeContext:
        """The call so far, for a fresh stream to go on with."""
        return self._call.resume_context()

    @workflow.query(name=names.STATE_QUERY)
    def state(self) -> CallView:
        """The call at this moment."""
        return self._call.view()

    @workflow.query(name=names.TIMELINE_QUERY)
    def timeline(self) -> list[str]:
        """What happened, a line each, with the time (UTC)."""
        return self._call.timeline

    @workflow.query(name=names.TURNS_QUERY)
    def turns(self) -> list[Turn]:
        """Every turn so far, with its words, tools and timing."""
        return self._call.turns

    # --- helpers ----------------------------------------------------------------------------------------------------

    def _refuse_if_foreign_or_over(self, call_sid: str) -> None:
        if call_sid != self._call.start.call_sid:
            raise _refusal("That request belongs to another call")
        if self._call.over:
            raise _refusal("The call is over")

    def _end(self, because: str) -> None:
        self._call.end(_iso(workflow.now()), because)
        self._show()

    def _note(self, line: str) -> None:
        self._call.note(_iso(workflow.now()), line)
        self._show()

    def _show(self) -> None:
        """The call on one page of the Temporal UI."""
        call, counted = self._call, len(self._call.turns)
        stood = call.outcome or call.handoff_state
        stands = f" · {stood.value.replace('_', ' ')}" if stood else ""
        headline = f"**{call.phase.value}**{stands} · {call.language} · {counted} {'turn' if counted == 1 else 'turns'}"
        workflow.set_current_details("\n".join([headline, "", *(f"- {line}" for line in call.timeline)]))


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def _refusal(line: str) -> ApplicationError:
    """A refusal of an update; the line is handed to the model."""
    return ApplicationError(line, type=REJECTED, non_retryable=True)
