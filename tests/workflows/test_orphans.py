"""The reconciler ends workflows whose call is over, and pages for calls that nobody keeps."""

from activities.orphans import ORPHANS_DEDUP_KEY
from firstline.domain.call import Outcome
from firstline.domain.orphans import Orphans
from tests.workflows.calls import answered_turn, started, talking
from tests.workflows.stage import Stage
from workflows.orphans import OrphansWorkflow


async def reconcile(stage: Stage) -> Orphans:
    return await stage.server.client.execute_workflow(
        OrphansWorkflow.run, id="orphan-reconciler", task_queue=stage.task_queue
    )


class TestTheReconciler:
    async def test_leaves_alone_what_agrees(self, stage: Stage) -> None:
        start = started()
        await stage.call(start, *talking(start))
        stage.world.open_calls.sids = [start.call_sid]

        assert await reconcile(stage) == Orphans()
        assert stage.world.paging.pages == []

    async def test_ends_a_workflow_whose_call_is_over_with_its_outcome(self, stage: Stage) -> None:
        start = started()
        call = await stage.call(start, *talking(start), answered_turn(start))
        stage.world.open_calls.sids = [start.call_sid]
        stage.world.telephony.end(start.call_sid)

        orphans = await reconcile(stage)

        assert orphans == Orphans([], [start.call_sid])
        assert (await call.result()).outcome is Outcome.RESOLVED

    async def test_does_not_mind_a_workflow_that_ended_meanwhile(self, stage: Stage) -> None:
        stage.world.open_calls.sids = ["CA" + "0" * 32]

        assert (await reconcile(stage)).workflows == ["CA" + "0" * 32]

    async def test_pages_for_a_live_call_without_a_workflow(self, stage: Stage) -> None:
        start = started()
        stage.world.telephony.ring_in(start)

        orphans = await reconcile(stage)

        assert orphans == Orphans([start.call_sid], [])
        page = stage.world.paging.open[ORPHANS_DEDUP_KEY]
        assert page.details == {"calls": start.call_sid}
        assert page.summary.startswith("1 live call without a workflow")
