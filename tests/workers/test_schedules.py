"""What runs by the calendar is in the UI, once, and a pause by hand stays."""

from collections.abc import AsyncIterator
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from temporalio.client import ScheduleActionStartWorkflow, ScheduleDescription
from temporalio.testing import WorkflowEnvironment

from workers.schedules import Cadence, cadences, keep_schedules
from workers.worker import WORKFLOWS

QUEUE = "nobody-works-here"


@pytest.fixture
async def kept(dev_server: WorkflowEnvironment) -> AsyncIterator[list[Cadence]]:
    """Every schedule, kept twice."""
    wanted = cadences("Europe/Madrid")
    for _ in range(2):
        await keep_schedules(dev_server.client, wanted, QUEUE)
    yield wanted
    for cadence in wanted:
        await dev_server.client.get_schedule_handle(cadence.id).delete()


async def described(server: WorkflowEnvironment, schedule_id: str) -> ScheduleDescription:
    return await server.client.get_schedule_handle(schedule_id).describe()


class TestSchedules:
    async def test_are_there_once_each_with_a_note_for_people(
        self, dev_server: WorkflowEnvironment, kept: list[Cadence]
    ) -> None:
        for cadence in kept:
            schedule = (await described(dev_server, cadence.id)).schedule

            assert schedule.state.note == cadence.note
            assert isinstance(schedule.action, ScheduleActionStartWorkflow)
            assert (schedule.action.id, schedule.action.task_queue) == (cadence.id, QUEUE)

    def test_start_workflows_that_the_worker_runs(self) -> None:
        known = {getattr(workflow, "__temporal_workflow_definition").name for workflow in WORKFLOWS}

        assert {cadence.workflow for cadence in cadences("UTC")} <= known

    async def test_review_the_week_on_monday_morning_where_the_line_is(
        self, dev_server: WorkflowEnvironment, kept: list[Cadence]
    ) -> None:
        times = (await described(dev_server, "monday-review")).info.next_action_times

        local = [at.astimezone(ZoneInfo("Europe/Madrid")) for at in times]
        assert {(at.isoweekday(), at.hour, at.minute) for at in local} == {(1, 7, 0)}

    async def test_change_when_the_product_changes(self, dev_server: WorkflowEnvironment, kept: list[Cadence]) -> None:
        await keep_schedules(dev_server.client, [replace(kept[0], note="another note")], QUEUE)

        assert (await described(dev_server, kept[0].id)).schedule.state.note == "another note"

    async def test_that_somebody_paused_stay_paused(self, dev_server: WorkflowEnvironment) -> None:
        cadence = replace(cadences("UTC")[0], id="paused-by-hand")
        await keep_schedules(dev_server.client, [cadence], QUEUE)
        schedule = dev_server.client.get_schedule_handle(cadence.id)
        await schedule.pause(note="tracker is being moved")

        await keep_schedules(dev_server.client, [cadence], QUEUE)

        state = (await described(dev_server, cadence.id)).schedule.state
        await schedule.delete()
        assert (state.paused, state.note) == (True, "tracker is being moved")
