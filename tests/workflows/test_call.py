"""A call's workflow learns facts once, keeps its promises, and closes with exactly one outcome."""

from datetime import timedelta

import pytest
from temporalio.testing import WorkflowEnvironment

from firstline.domain.call import Outcome
from firstline.domain.call_state import CallPhase
from firstline.domain.facts import FactKind, NextStep
from firstline.domain.handoff import HandoffAccepted, RepAnswer
from firstline.names import handoff_workflow_id
from tests.workflows.calls import (
    REPS,
    answered_turn,
    call_ended,
    fact,
    started,
    stream_ended,
    talking,
    wants_nothing,
    wants_person,
)
from tests.workflows.fakes import leg_sid
from tests.workflows.stage import Stage, on_stage
from tests.workflows.under_way import handed_off, learn, refusal
from workflows.call import CallWorkflow


class TestFacts:
    async def test_that_arrive_twice_are_learnt_once(self, stage: Stage) -> None:
        start = started()
        call = await stage.call(start, *talking(start), answered_turn(start))

        await learn(call, *talking(start), answered_turn(start), answered_turn(start, 2))

        view = await call.query(CallWorkflow.state)
        assert (view.turns, view.duplicates, view.phase) == (2, 3, CallPhase.TALKING)

    async def test_become_a_timeline_that_a_stranger_understands(self, stage: Stage) -> None:
        start = started()
        call = await stage.call(start, *talking(start), answered_turn(start), stream_ended(start, "caller_hung_up"))
        await call.result()

        timeline = await call.query(CallWorkflow.timeline)

        assert [line for line in timeline if "prefetched" not in line] == [
            "15:00:00 A caller rang",
            "15:00:01 The caller talks to the agent",
            "15:00:10 Turn 1: answered, confidence 0.90, 1 passages",
            "15:01:00 The call is over: caller hung up",
            *timeline[-2:],
        ]
        assert timeline[-2].endswith("Outcome: resolved")
        assert "The trace can be seen at" in timeline[-1]


class TestTheGate:
    async def test_refuses_a_handoff_without_evidence_in_a_line_for_the_model(self, stage: Stage) -> None:
        start = started()
        call = await stage.call(start, *talking(start))

        line = await refusal(call, CallWorkflow.handoff, wants_nothing(start))

        assert line == "No person was called: confidence 0.95 is not below 0.7, and no other reason"
        assert (await call.query(CallWorkflow.state)).handoff_id == ""
        assert stage.world.paging.pages == []

    async def test_accepts_one_with_evidence_and_records_why(self, stage: Stage) -> None:
        start = started()
        call = await stage.call(start, *talking(start))

        accepted = await call.execute_update(CallWorkflow.handoff, wants_person(start))

        assert accepted.handoff_id == handoff_workflow_id(start.call_sid)
        assert accepted.decision.why == "the caller asked for a person"
        assert not accepted.already

    async def test_is_asked_twice_and_pages_once(self, stage: Stage) -> None:
        start = started()
        call = await handed_off(stage, start)

        again: HandoffAccepted = await call.execute_update(CallWorkflow.handoff, wants_nothing(start))

        assert again.already
        assert again.handoff_id == handoff_workflow_id(start.call_sid)
        assert len(stage.world.paging.pages) == 1

    async def test_refuses_a_request_of_another_call(self, stage: Stage) -> None:
        start = started()
        call = await stage.call(start, *talking(start))

        line = await refusal(call, CallWorkflow.handoff, wants_person(started()))

        assert line == "That request belongs to another call"


class TestTheNextStep:
    async def test_is_to_resume_when_nothing_else_is_owed(self, stage: Stage) -> None:
        start = started()
        call = await stage.call(start, *talking(start), stream_ended(start, "bridge_lost"))

        assert await call.query(CallWorkflow.next_step) is NextStep.RESUME

    async def test_is_the_conference_while_a_person_is_being_found(self, stage: Stage) -> None:
        call = await handed_off(stage, started())

        assert await call.query(CallWorkflow.next_step) is NextStep.CONFERENCE

    async def test_is_the_queue_when_nobody_was_found(self, stage: Stage) -> None:
        start = started()
        call = await handed_off(stage, start)

        await stage.result_of(handoff_workflow_id(start.call_sid))

        assert await call.query(CallWorkflow.next_step) is NextStep.FAILSAFE

    async def test_is_goodbye_after_a_goodbye(self, stage: Stage) -> None:
        start = started()
        call = await stage.call(start, *talking(start), stream_ended(start, "goodbye"))
        await call.result()

        assert await call.query(CallWorkflow.next_step) is NextStep.GOODBYE


class TestALostStream:
    async def test_is_waited_for_and_the_call_goes_on(self, stage: Stage) -> None:
        start = started()
        call = await stage.call(start, *talking(start), stream_ended(start, "bridge_lost", 20))

        await learn(call, fact(start, "stream:2", FactKind.STREAM_STARTED, 25, "MZ2"), answered_turn(start, 3))

        view = await call.query(CallWorkflow.state)
        assert (view.phase, view.turns) == (CallPhase.TALKING, 1)

    async def test_that_never_comes_back_ends_the_call(self, stage: Stage) -> None:
        start = started()
        call = await stage.call(start, *talking(start), answered_turn(start), stream_ended(start, "bridge_lost"))

        closed = await call.result()

        assert closed.outcome is Outcome.RESOLVED
        assert await stage.took(call) < timedelta(minutes=10)


class TestAnOutcome:
    async def test_is_resolved_when_the_help_centre_had_the_answer(self, stage: Stage) -> None:
        start = started()
        call = await stage.call(start, *talking(start), answered_turn(start), call_ended(start))

        assert (await call.result()).outcome is Outcome.RESOLVED

    async def test_is_abandoned_when_nothing_was_answered(self, stage: Stage) -> None:
        start = started()
        call = await stage.call(start, *talking(start), answered_turn(start, confidence=0.3), call_ended(start))

        assert (await call.result()).outcome is Outcome.ABANDONED

    async def test_is_abandoned_after_two_hours_when_no_fact_ever_comes(self, stage: Stage) -> None:
        call = await stage.call(started())

        closed = await call.result()

        assert closed.outcome is Outcome.ABANDONED
        assert await stage.took(call) >= timedelta(hours=2)

    async def test_is_transferred_when_a_rep_takes_the_call(self, stage: Stage) -> None:
        start = started()
        call = await handed_off(stage, start)
        saga = stage.of(handoff_workflow_id(start.call_sid))
        await saga.signal("rep_answered", args=[REPS[0], RepAnswer.ACCEPTED])
        await saga.signal("rep_joined", leg_sid(1))
        await stage.result_of(saga.id)

        await learn(call, stream_ended(start, "moved"), call_ended(start))
        closed = await call.result()

        record, _ = stage.world.read_model.calls[start.call_sid]
        assert closed.outcome is Outcome.TRANSFERRED
        assert (record.rep, record.handoff_reason) == (REPS[0], "caller_request")
        assert record.page_to_pickup_ms is not None

    async def test_is_failsafe_when_nobody_does(self, stage: Stage) -> None:
        start = started()
        call = await handed_off(stage, start)
        await stage.result_of(handoff_workflow_id(start.call_sid))

        await learn(call, call_ended(start))

        assert (await call.result()).outcome is Outcome.FAILSAFE

    @pytest.mark.parametrize("how", ["the carrier says so", "the conference says so"])
    async def test_is_abandoned_when_the_caller_leaves_the_conference(self, stage: Stage, how: str) -> None:
        start = started()
        call = await handed_off(stage, start)

        if how == "the carrier says so":
            await learn(call, call_ended(start))
        else:
            await call.signal(CallWorkflow.caller_left)
        closed = await call.result()

        assert closed.outcome is Outcome.ABANDONED
        assert stage.world.telephony.hung_up == [leg_sid(1)]
        assert stage.world.paging.open == {}

    async def test_is_failsafe_though_we_ourselves_took_the_caller_out_of_the_conference(self, stage: Stage) -> None:
        """The conference reports a caller who is moved to the queue as one who left."""
        start = started()
        call = await handed_off(stage, start)
        await stage.result_of(handoff_workflow_id(start.call_sid))

        await call.signal(CallWorkflow.caller_left)
        view = await call.query(CallWorkflow.state)
        closed = await call.result()

        assert view.phase is CallPhase.HANDED_OFF
        assert closed.outcome is Outcome.FAILSAFE
        assert await stage.took(call) < timedelta(hours=1)

    async def test_stays_open_while_the_caller_is_moved_out_of_the_stream(self, stage: Stage) -> None:
        start = started()
        call = await handed_off(stage, start)

        await learn(call, stream_ended(start, "caller_hung_up"))

        assert (await call.query(CallWorkflow.state)).phase is CallPhase.HANDED_OFF

    async def test_is_failsafe_when_the_handoff_is_broken_off_by_hand(self, dev_server: WorkflowEnvironment) -> None:
        """On the development server: the time-skipping one does not tell a parent that its child was terminated."""
        async with on_stage(dev_server) as stage:
            start = started()
            call = await handed_off(stage, start)
            await stage.of(handoff_workflow_id(start.call_sid)).terminate("by hand")
            await stage.world.telephony.until(lambda: bool(stage.world.telephony.queued))

            await learn(call, call_ended(start))
            closed = await call.result()

        assert closed.outcome is Outcome.FAILSAFE
        assert stage.world.telephony.queued == [start.call_sid]
