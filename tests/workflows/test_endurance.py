"""A call goes on when its worker forgets it, and does not wait for what it can do without."""

import functools

from temporalio.testing import WorkflowEnvironment

from firstline.domain.call import Outcome
from firstline.domain.facts import FactKind
from firstline.domain.handoff import RepAnswer
from firstline.names import handoff_workflow_id
from firstline.ports import PortError
from tests.workflows.calls import (
    REPS,
    activities_of,
    answered_turn,
    call_ended,
    fact,
    started,
    stream_ended,
    talking,
    wants_person,
)
from tests.workflows.fakes import World, leg_sid
from tests.workflows.stage import Stage
from workers.worker import build_worker
from workflows.call import CallWorkflow


class TestAWorkerThatForgets:
    async def test_every_workflow_after_every_step_still_transfers_the_call(
        self, dev_server: WorkflowEnvironment
    ) -> None:
        """Each step is replayed from history, as after a crash or on another machine."""
        world, start, queue = World(), started(), "forgetful"
        async with build_worker(dev_server.client, activities_of(world), queue, cached_workflows=0):
            call = await Stage(dev_server, world, queue).call(start, *talking(start), answered_turn(start))
            await call.execute_update(CallWorkflow.handoff, wants_person(start))
            await call.signal(CallWorkflow.facts, [fact(start, "farewell", FactKind.FAREWELL_PLAYED, 20)])
            saga = dev_server.client.get_workflow_handle(handoff_workflow_id(start.call_sid))
            for number, answer in ((1, RepAnswer.DECLINED), (2, RepAnswer.ACCEPTED)):
                await world.telephony.until(functools.partial(world.telephony.has_rung, number))
                await saga.signal("rep_answered", args=[REPS[number - 1], answer])
            await saga.signal("rep_joined", leg_sid(2))
            await saga.result()
            await call.signal(CallWorkflow.facts, [call_ended(start)])

            closed = await call.result()

        assert closed.outcome is Outcome.TRANSFERRED
        assert len(world.paging.pages) == 1
        assert [rep.rep_number for rep in world.telephony.rung] == REPS


class TestAPrefetch:
    async def test_that_is_slow_is_not_waited_for(self, stage: Stage) -> None:
        stage.world.voice.speaks.clear()
        start = started()
        call = await stage.call(start, *talking(start), answered_turn(start), stream_ended(start, "goodbye"))

        closed = await call.result()
        timeline = await call.query(CallWorkflow.timeline)

        stage.world.voice.speaks.set()
        assert closed.outcome is Outcome.RESOLVED
        assert not any("prefetched" in line for line in timeline)

    async def test_that_fails_is_told_and_nothing_more(self, stage: Stage) -> None:
        stage.world.object_store.errors["get"] = [PortError("503")] * 3
        start = started()
        call = await stage.call(start, *talking(start), answered_turn(start), stream_ended(start, "bridge_lost"))

        closed = await call.result()
        timeline = await call.query(CallWorkflow.timeline)

        assert closed.outcome is Outcome.RESOLVED
        assert any("The languages could not be prefetched" in line for line in timeline)
