"""A workflow that grows goes on in a new run, and whoever knows its id notices nothing."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import WorkflowHandle, WorkflowHistory
from temporalio.testing import WorkflowEnvironment

from firstline.adapters.embedded_temporal import dev_server_binary, dynamic_config
from firstline.adapters.temporal import TemporalCallControl, register_search_attributes
from firstline.domain.call import CallStarted, Outcome
from firstline.domain.callback import CallbackInput, CallbackState, DialStatus
from firstline.domain.csat import CsatScore
from firstline.domain.facts import FactKind
from firstline.domain.handoff import HandoffState, RepAnswer
from firstline.names import call_workflow_id, callback_workflow_id, handoff_workflow_id
from tests.workflows.calls import (
    LINE,
    REPS,
    answered_turn,
    call_ended,
    call_me,
    fact,
    started,
    stream_ended,
    talking,
    wants_person,
)
from tests.workflows.fakes import leg_sid
from tests.workflows.finished import finished
from tests.workflows.stage import Stage, on_stage
from workflows.call import CallWorkflow
from workflows.callback import CallbackWorkflow
from workflows.csat import CsatInput, CsatWorkflow

SUGGESTED_AT = 20
"""Events; 4,096 on a real server."""
QUEUE = "growth"
DEADLINE = 10.0


@pytest.fixture(scope="module")
async def impatient() -> AsyncIterator[WorkflowEnvironment]:
    """A development server that suggests a new run soon."""
    low = f"--dynamic-config-value=limit.historyCount.suggestContinueAsNew={SUGGESTED_AT}"
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(dev_server_binary()), dev_server_extra_args=[*dynamic_config(), low]
    ) as server:
        await register_search_attributes(server.client)
        yield server


@pytest.fixture
async def stage(impatient: WorkflowEnvironment) -> AsyncIterator[Stage]:
    async with on_stage(impatient, task_queue=QUEUE) as stage:
        yield stage


async def runs(stage: Stage, workflow_id: str) -> list[WorkflowHistory]:
    """The histories of all runs of a workflow, the first one first."""
    found, handle = [], stage.of(workflow_id)
    while True:
        history = await handle.fetch_history()
        found.append(history)
        begun = history.events[0].workflow_execution_started_event_attributes
        if not begun.continued_execution_run_id:
            return found[::-1]
        handle = stage.server.client.get_workflow_handle(workflow_id, run_id=begun.continued_execution_run_id)


async def talk(stage: Stage, control: TemporalCallControl, start: CallStarted, turns: range) -> None:
    """Turns one at a time: told in one breath they would be one task's events, and the run too short to be renewed."""
    for number in turns:
        await control.deliver(start, [answered_turn(start, number)])
        await stage.of(call_workflow_id(start.call_sid)).query(CallWorkflow.state)


class TestALongCall:
    async def test_loses_no_turn_and_keeps_its_promises(self, stage: Stage) -> None:
        start = started()
        control = TemporalCallControl(stage.server.client, QUEUE)
        await control.deliver(start, talking(start))
        in_two_days = datetime.now(UTC) + timedelta(days=2)
        booked = await control.request_callback(start, call_me(start, in_two_days), DEADLINE)
        await talk(stage, control, start, range(1, 13))

        await control.deliver(start, [answered_turn(start, 1)])
        later = in_two_days + timedelta(days=1)
        await control.request_callback(start, call_me(start, later), DEADLINE)
        context = await control.resume_context(start.call_sid, DEADLINE)
        [owed] = [await stage.of(booked.callback_id).query(CallbackWorkflow.promise)]
        view = await stage.of(call_workflow_id(start.call_sid)).query(CallWorkflow.state)
        await control.deliver(start, [stream_ended(start, "goodbye")])
        closed = await stage.of(call_workflow_id(start.call_sid)).result()
        histories = await runs(stage, call_workflow_id(start.call_sid))

        assert len(histories) > 2
        assert max(len(history.events) for history in histories) < 4 * SUGGESTED_AT
        assert (closed["turns"], closed["outcome"], view.duplicates) == (12, Outcome.CALLBACK, 1)
        assert len(context.lines) == 24
        assert datetime.fromisoformat(owed.at) == later
        [key] = [key for key in stage.world.object_store.puts if key.startswith("traces/")]
        assert [turn.number for turn in stage.world.read_model.calls[start.call_sid][0].turns] == list(range(1, 13))
        assert start.call_sid in key
        await stage.of(booked.callback_id).terminate()

    async def test_is_handed_to_a_person_once(self, stage: Stage) -> None:
        start = started()
        control = TemporalCallControl(stage.server.client, QUEUE)
        stage.world.telephony.ring_in(start)
        await control.deliver(start, talking(start))
        await talk(stage, control, start, range(1, 6))

        await control.request_handoff(start, wants_person(start), DEADLINE)
        await control.deliver(start, [fact(start, "farewell", FactKind.FAREWELL_PLAYED, 20)])
        await stage.world.telephony.until(lambda: stage.world.telephony.has_rung(1))
        await control.rep_answered(start.call_sid, REPS[0], RepAnswer.ACCEPTED)
        await control.rep_joined(start.call_sid, leg_sid(1))
        handed = await stage.of(handoff_workflow_id(start.call_sid)).result()
        await talk(stage, control, start, range(6, 11))
        await control.deliver(start, [call_ended(start)])
        closed = await stage.of(call_workflow_id(start.call_sid)).result()

        assert len(await runs(stage, call_workflow_id(start.call_sid))) > 1
        assert (handed["state"], closed["outcome"]) == (HandoffState.BRIDGED, Outcome.TRANSFERRED)
        assert (len(stage.world.paging.pages), len(stage.world.telephony.rung)) == (1, 1)


class TestACallbackThatIsMovedOften:
    async def test_rings_once_at_the_last_time(self, stage: Stage) -> None:
        promise = CallbackInput(call_me(started(), datetime.now(UTC) + timedelta(days=1)), LINE)
        callback = await stage.callback(promise)
        control = TemporalCallControl(stage.server.client, QUEUE)
        for hours in range(8):
            moved = (datetime.now(UTC) + timedelta(days=2, hours=hours)).isoformat()
            await control.move_callback(callback.id, replace(promise.request, at=moved))

        soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
        await control.move_callback(callback.id, replace(promise.request, at=soon))
        for status in (DialStatus.ANSWERED, DialStatus.HUMAN):
            await control.dial_status(promise.request.call_sid, leg_sid(1), status)
        result = await stage.of(callback.id).result()

        assert (result["state"], len(stage.world.telephony.dialled)) == (CallbackState.ANSWERED, 1)
        assert len(await runs(stage, callback.id)) > 2

    async def test_can_still_be_cancelled(self, stage: Stage) -> None:
        promise = CallbackInput(call_me(started(), datetime.now(UTC) + timedelta(days=1)), LINE)
        callback = await stage.callback(promise)
        control = TemporalCallControl(stage.server.client, QUEUE)
        for hours in range(5):
            moved = (datetime.now(UTC) + timedelta(days=2, hours=hours)).isoformat()
            await control.move_callback(callback.id, replace(promise.request, at=moved))

        await control.cancel_callback(callback_workflow_id(promise.request.call_sid))
        result = await stage.of(callback.id).result()

        assert (result["state"], stage.world.telephony.dialled) == (CallbackState.CANCELLED, [])
        assert len(await runs(stage, callback.id)) > 1


class TestASampleWithManyScores:
    async def test_counts_every_one(self, stage: Stage) -> None:
        for number in range(10):
            record = finished(f"CA{number:02}", datetime(2026, 10, 3, tzinfo=UTC))
            await stage.world.read_model.save_call(record, "")
        sample: WorkflowHandle[CsatWorkflow, object] = await stage.server.client.start_workflow(
            CsatWorkflow.run, CsatInput("2026-10"), id="csat-2026-10", task_queue=QUEUE
        )
        while not await sample.query(CsatWorkflow.sample):
            continue
        for number in range(10):
            await stage.of(sample.id).execute_update("score", CsatScore(f"CA{number:02}", 4))

        result = await stage.of(sample.id).result()

        assert (result["drawn"], result["scored"], result["mean"]) == (10, 10, 4.0)
        assert len(await runs(stage, sample.id)) > 2
