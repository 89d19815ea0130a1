"""A handoff rings whoever is on call, and the settings' numbers when nobody can say who that is."""

import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

import pytest
from prometheus_client import REGISTRY
from temporalio.testing import WorkflowEnvironment

from firstline.adapters.pagerduty_on_call import PagerDutyOnCall
from firstline.domain.orphans import Orphans
from firstline.names import handoff_workflow_id
from firstline.ports import PortError, Rejected
from tests.fakes.telephony import FakeCall
from tests.workflows.calls import LINE, REPS, started, talking, wants_person
from tests.workflows.fakes import RecordingOnCall, World
from tests.workflows.stage import Stage, on_stage
from tests.workflows.test_handoff import handoff
from workflows.call import CallWorkflow
from workflows.orphans import OrphansWorkflow

ADA, BEN = "+15550100301", "+15550100302"
Scheduled = Callable[..., AbstractAsyncContextManager[Stage]]


@pytest.fixture
def scheduled(skipping_server: WorkflowEnvironment) -> Scheduled:
    """A worker that knows a schedule: who is on call, who was lately."""

    def knows(*now: str, lately: Sequence[str] = ()) -> AbstractAsyncContextManager[Stage]:
        return on_stage(skipping_server, World(on_call=RecordingOnCall.of(*now, lately=lately)))

    return knows


async def rung(stage: Stage) -> list[str]:
    """Whom a handoff rings that nobody answers."""
    saga = await stage.handoff(handoff())
    await saga.result()
    return [call.rep_number for call in stage.world.telephony.rung]


class TestAHandoff:
    async def test_rings_those_on_call_in_their_order_and_nobody_else(self, scheduled: Scheduled) -> None:
        async with scheduled(BEN, ADA) as stage:
            assert await rung(stage) == [BEN, ADA]

    @pytest.mark.parametrize("problem", [PortError("503"), Rejected("401")])
    async def test_rings_the_settings_people_when_the_schedule_cannot_be_read(
        self, scheduled: Scheduled, problem: Exception
    ) -> None:
        async with scheduled(ADA) as stage:
            assert stage.world.on_call is not None
            stage.world.on_call.errors["numbers"] = [problem] * 40

            assert await rung(stage) == REPS

    async def test_says_in_the_calls_timeline_that_it_had_to_make_do(self, scheduled: Scheduled) -> None:
        async with scheduled(ADA) as stage:
            assert stage.world.on_call is not None
            stage.world.on_call.errors["numbers"] = [Rejected("401")]
            start = started()
            call = await stage.call(start, *talking(start))
            await call.execute_update(CallWorkflow.handoff, wants_person(start))
            await stage.result_of(handoff_workflow_id(start.call_sid))

            timeline = await call.query(CallWorkflow.timeline)

        assert any("PagerDuty did not say who is on call: the numbers of the settings" in line for line in timeline)

    async def test_rings_the_settings_people_when_nobody_on_call_has_a_phone(self, scheduled: Scheduled) -> None:
        async with scheduled() as stage:
            assert await rung(stage) == REPS


async def test_whose_shift_just_ended_is_no_orphan(scheduled: Scheduled) -> None:
    async with scheduled(ADA, lately=[BEN]) as stage:
        for leg, rep in (("CA1", ADA), ("CA2", BEN)):
            stage.world.telephony.calls[leg] = FakeCall(rep, LINE)

        found = await stage.server.client.execute_workflow(
            OrphansWorkflow.run, id=f"orphans-{uuid.uuid4().hex}", task_queue=stage.task_queue
        )

        assert found == Orphans()


async def test_a_schedule_that_cannot_be_read_is_counted() -> None:
    before = REGISTRY.get_sample_value("firstline_on_call_lookups_total", {"result": "failed"}) or 0
    nowhere = PagerDutyOnCall("key", "PT20YPA", base_url="http://127.0.0.1:1")

    with pytest.raises(PortError):
        await nowhere.numbers()
    await nowhere.aclose()

    assert REGISTRY.get_sample_value("firstline_on_call_lookups_total", {"result": "failed"}) == before + 1
