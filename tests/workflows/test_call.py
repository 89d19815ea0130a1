"""A call's workflow learns facts once, keeps its promises, and closes with exactly one outcome."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from activities.callback import CallbackRules
from firstline.domain.call import CallStarted, Outcome
from firstline.domain.call_state import CallClosed, CallPhase
from firstline.domain.callback import CallbackBooked, CallbackRequest, CallbackState, DialStatus
from firstline.domain.facts import Fact, FactKind, NextStep
from firstline.domain.handoff import HandoffAccepted, HandoffState, RepAnswer
from firstline.domain.hours import Hours, parse_open
from firstline.names import callback_workflow_id, handoff_workflow_id
from firstline.ports import PortError, Rejected
from tests.workflows.calls import (
    REPS,
    activities_of,
    answered_turn,
    call_ended,
    call_me,
    fact,
    started,
    stream_ended,
    talking,
    wants_nothing,
    wants_person,
)
from tests.workflows.fakes import World, leg_sid
from tests.workflows.stage import Stage
from workers.worker import build_worker
from workflows.call import CallWorkflow

Call = WorkflowHandle[CallWorkflow, CallClosed]


async def learn(call: Call, *facts: Fact) -> None:
    """Deliver facts to a running call."""
    await call.signal(CallWorkflow.facts, list(facts))


async def handed_off(stage: Stage, start: CallStarted) -> Call:
    """A call whose caller waits in the conference while the first rep is rung."""
    call = await stage.call(start, *talking(start), answered_turn(start))
    await call.execute_update(CallWorkflow.handoff, wants_person(start))
    await learn(call, fact(start, "farewell", FactKind.FAREWELL_PLAYED, 30))
    await stage.world.telephony.until(lambda: len(stage.world.telephony.rung) == 1)
    return call


async def book(call: Call, request: CallbackRequest) -> CallbackBooked:
    """Ask for a callback that is granted."""
    booked: CallbackBooked = await call.execute_update("callback", request, result_type=CallbackBooked)
    return booked


async def refusal(call: Call, update: Any, request: object) -> str:
    """The line with which the workflow refuses this update."""
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await call.execute_update(update, request)
    assert isinstance(refused.value.cause, ApplicationError)
    return refused.value.cause.message


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
        world, queue = World(), "broken-off"
        stage = Stage(dev_server, world, queue)
        async with build_worker(dev_server.client, activities_of(world), queue):
            start = started()
            call = await handed_off(stage, start)
            await stage.of(handoff_workflow_id(start.call_sid)).terminate("by hand")
            await world.telephony.until(lambda: bool(world.telephony.queued))

            await learn(call, call_ended(start))
            closed = await call.result()

        assert closed.outcome is Outcome.FAILSAFE
        assert world.telephony.queued == [start.call_sid]


class TestACallback:
    async def test_is_promised_and_outlives_the_call(self, stage: Stage) -> None:
        start = started()
        call = await stage.call(start, *talking(start))
        at = await stage.server.get_current_time() + timedelta(days=2)

        booked = await book(call, call_me(start, at))
        await learn(call, stream_ended(start, "goodbye"))
        closed = await call.result()
        callback = stage.of(callback_workflow_id(start.call_sid))
        await callback.signal("dial_status", args=[leg_sid(1), DialStatus.ANSWERED])
        kept = await stage.result_of(callback.id)

        assert booked.callback_id == callback.id
        assert closed.outcome is Outcome.CALLBACK
        assert kept["state"] == CallbackState.ANSWERED

    async def test_that_is_cancelled_in_the_same_call_leaves_no_promise_behind(self, stage: Stage) -> None:
        start = started()
        call = await stage.call(start, *talking(start), answered_turn(start))
        at = await stage.server.get_current_time() + timedelta(days=2)
        booked = await book(call, call_me(start, at))

        await stage.of(booked.callback_id).execute_update("withdraw")
        view = await call.query(CallWorkflow.state)
        await learn(call, stream_ended(start, "goodbye"))
        closed = await call.result()

        assert view.callback_at == ""
        assert closed.outcome is Outcome.RESOLVED
        assert stage.world.telephony.dialled == []

    async def test_may_be_promised_again_after_it_was_cancelled(self, stage: Stage) -> None:
        start = started()
        call = await stage.call(start, *talking(start))
        at = await stage.server.get_current_time() + timedelta(days=2)
        first = await book(call, call_me(start, at))
        await stage.of(first.callback_id).execute_update("withdraw")

        second = await book(call, call_me(start, at + timedelta(days=1)))
        await learn(call, stream_ended(start, "goodbye"))
        closed = await call.result()
        await stage.of(second.callback_id).signal("dial_status", args=[leg_sid(1), DialStatus.ANSWERED])
        kept = await stage.result_of(second.callback_id)

        assert closed.outcome is Outcome.CALLBACK
        assert kept["state"] == CallbackState.ANSWERED
        assert len(stage.world.telephony.dialled) == 1

    async def test_is_moved_when_another_time_is_asked_for(self, stage: Stage) -> None:
        start = started()
        call = await stage.call(start, *talking(start))
        now = await stage.server.get_current_time()
        await book(call, call_me(start, now + timedelta(days=2)))
        later = now + timedelta(days=9)

        moved = await book(call, call_me(start, later))
        await stage.result_of(callback_workflow_id(start.call_sid))

        assert moved.at == later.isoformat()
        assert len(stage.world.telephony.dialled) == 3
        assert [dial.to_number for dial in stage.world.telephony.dialled] == [start.from_number] * 3

    async def test_in_the_past_is_refused_in_a_line_for_the_model(self, stage: Stage) -> None:
        start = started()
        call = await stage.call(start, *talking(start))
        at = await stage.server.get_current_time() - timedelta(minutes=1)

        line = await refusal(call, CallWorkflow.callback, call_me(start, at))

        assert line == "No callback was booked: that time has already passed"

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ({"at": "2090-01-01T09:00:00+00:00"}, "that is more than 30 days away"),
            ({"phone": "my other phone"}, "the phone number is not in international format, like +15551234567"),
            ({"phone": "+442079460958"}, "we do not call numbers in that country (GB)"),
            ({"phone": "+19005551234"}, "we do not call premium-rate numbers"),
        ],
    )
    async def test_that_cannot_be_kept_is_refused_in_a_line_for_the_model(
        self, stage: Stage, change: dict[str, str], why: str
    ) -> None:
        start = started()
        call = await stage.call(start, *talking(start))
        request = replace(call_me(start, await stage.server.get_current_time() + timedelta(days=1)), **change)

        line = await refusal(call, CallWorkflow.callback, request)

        assert line == f"No callback was booked: {why}"

    async def test_outside_of_the_hours_is_refused_with_the_next_time_that_is_not(
        self, skipping_server: WorkflowEnvironment
    ) -> None:
        zone = ZoneInfo("America/New_York")
        world = World(rules=CallbackRules(Hours(zone, parse_open("mon-sun 08:00-20:00")), frozenset({"US"})))
        stage = Stage(skipping_server, world, "office-hours")
        async with build_worker(skipping_server.client, activities_of(world), stage.task_queue):
            start = started()
            call = await stage.call(start, *talking(start))
            tomorrow = (await stage.server.get_current_time()).astimezone(zone) + timedelta(days=1)

            line = await refusal(call, CallWorkflow.callback, call_me(start, tomorrow.replace(hour=5, minute=30)))

        assert line == (
            f"No callback was booked: {tomorrow:%A} at 5:30 AM is outside of the hours in which we call; "
            f"the next time we can call is {tomorrow:%A, %B} {tomorrow.day} at 8:00 AM"
        )


class TestTheTrace:
    async def test_is_archived_under_the_day_and_the_call(self, stage: Stage) -> None:
        start = started()
        call = await stage.call(start, *talking(start), answered_turn(start), call_ended(start))

        closed = await call.result()

        key = f"traces/2026-03-02/{start.call_sid}.json"
        trace = json.loads(stage.world.object_store.blobs[key])
        assert closed.trace_url == f"https://objects.example/{key}"
        assert trace["outcome"] == "resolved"
        assert trace["transcript"][0] == {"speaker": "caller", "text": "How do I reset my password?"}

    async def test_survives_a_store_and_a_database_that_are_down_for_a_while(self, stage: Stage) -> None:
        stage.world.object_store.errors["put"] = [PortError("down")] * 4
        stage.world.read_model.errors["save_call"] = [PortError("down")] * 4
        start = started()
        call = await stage.call(start, *talking(start), answered_turn(start), call_ended(start))

        closed = await call.result()

        assert stage.world.read_model.calls[start.call_sid][1] == closed.trace_url != ""

    async def test_is_shown_where_people_look_when_everything_else_is_done(self, stage: Stage) -> None:
        start = started()
        call = await stage.call(start, *talking(start), answered_turn(start), call_ended(start))

        await call.result()

        record, _ = stage.world.trace_view.shown[start.call_sid]
        assert record == stage.world.read_model.calls[start.call_sid][0]
        assert (await call.query(CallWorkflow.timeline))[-1].endswith(
            f"seen at https://traces.example/sessions/{start.call_sid}"
        )

    async def test_stays_in_the_archive_alone_when_the_view_does_not_take_it(self, stage: Stage) -> None:
        stage.world.trace_view.errors["show"] = [PortError("down")] * 4 + [Rejected("401")]
        start = started()
        call = await stage.call(start, *talking(start), answered_turn(start), call_ended(start))

        closed = await call.result()

        assert stage.world.read_model.calls[start.call_sid][1] == closed.trace_url != ""
        assert (await call.query(CallWorkflow.timeline))[-1].endswith("could not be shown; it is in the archive")


class TestTheUi:
    async def test_finds_the_call_by_what_it_came_to(self, stage: Stage) -> None:
        start = started()
        call = await handed_off(stage, start)
        await stage.result_of(handoff_workflow_id(start.call_sid))
        await learn(call, call_ended(start))
        await call.result()

        attributes = (await call.describe()).typed_search_attributes

        assert {pair.key.name: pair.value for pair in attributes if pair.key.name != "TemporalChangeVersion"} == {
            "Outcome": "failsafe",
            "Language": "en",
            "HandoffReason": "caller_request",
            "Deflected": False,
            "Turns": 1,
            "CallerNumber": start.from_number,
            "Flags": ["handoff"],
        }

    async def test_says_on_its_first_line_what_it_came_to(self, stage: Stage) -> None:
        start = started()
        call = await stage.call(start, *talking(start), answered_turn(start), stream_ended(start, "goodbye"))
        await call.result()

        shown = await call.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)

        assert shown.current_details.splitlines()[0] == "**over** · resolved · en · 1 turn"

    async def test_shows_the_steps_of_the_handoff_in_the_calls_own_timeline(self, stage: Stage) -> None:
        start = started()
        call = await handed_off(stage, start)
        await stage.result_of(handoff_workflow_id(start.call_sid))

        timeline = await call.query(CallWorkflow.timeline)
        view = await call.query(CallWorkflow.state)

        assert any(line.endswith(f"Ringing {REPS[1]}") for line in timeline)
        assert view.handoff_state is HandoffState.FAILSAFE
