"""The watch over the latency promise pages while it burns and resolves when it does not."""

from datetime import UTC, datetime, timedelta

from temporalio.client import (
    Schedule,
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionStartWorkflow,
    ScheduleSpec,
    WorkflowHandle,
)
from temporalio.testing import WorkflowEnvironment

from activities.slo import SLO_DEDUP_KEY, Burn
from tests.workflows.calls import activities_of
from tests.workflows.fakes import World
from tests.workflows.finished import finished
from tests.workflows.stage import Stage
from workers.worker import build_worker
from workflows.slo import SloWorkflow

SLOW, FAST = (900.0,) * 30, (400.0,) * 30


async def look(stage: Stage) -> Burn:
    return await stage.server.client.execute_workflow(SloWorkflow.run, id="slo-burn", task_queue=stage.task_queue)


async def spoke(stage: Stage, waits: tuple[float, ...]) -> None:
    """A call with these waits ended a minute ago."""
    at = await stage.server.get_current_time() - timedelta(minutes=3)
    await stage.world.read_model.save_call(finished(f"CA{len(stage.world.read_model.calls)}", at, waits=waits), "")


class TestTheWatch:
    async def test_pages_once_however_often_it_looks(self, stage: Stage) -> None:
        burns = []
        for _ in range(2):
            await spoke(stage, SLOW)
            burns.append(await look(stage))

        assert [burn.burning for burn in burns] == [True, True]
        assert list(stage.world.paging.open) == [SLO_DEDUP_KEY]
        assert "30 of 30 turns slow" in stage.world.paging.pages[0].details["windows"]

    async def test_leaves_people_alone_while_the_promise_is_kept(self, stage: Stage) -> None:
        await spoke(stage, FAST)

        burn = await look(stage)

        assert not burn.burning
        assert (stage.world.paging.pages, stage.world.paging.resolved) == ([], [])

    async def test_resolves_once_after_it_was_over(self, dev_server: WorkflowEnvironment) -> None:
        """On the server with schedules: it is the schedule that hands on what the last look came to."""
        world, queue = World(), "slo-watch"
        stage = Stage(dev_server, world, queue)
        client = dev_server.client
        action = ScheduleActionStartWorkflow(SloWorkflow.run, id="slo-resolves", task_queue=queue)
        async with build_worker(client, activities_of(world), queue):
            schedule = await client.create_schedule("slo-resolves", Schedule(action=action, spec=ScheduleSpec()))
            at = datetime.now(UTC) - timedelta(minutes=3)
            await world.read_model.save_call(finished("CA1", at, waits=SLOW), "")
            looks = [await triggered(stage, "slo-resolves", 1)]
            world.read_model.calls.clear()
            looks += [await triggered(stage, "slo-resolves", 2), await triggered(stage, "slo-resolves", 3)]
            await schedule.delete()

        assert [burn.burning for burn in looks] == [True, False, False]
        assert world.paging.resolved == [SLO_DEDUP_KEY]
        assert world.paging.open == {}


async def triggered(stage: Stage, schedule_id: str, times: int) -> Burn:
    """Let a schedule act now; what its run came to. `times`: how often it will have acted."""
    schedule = stage.server.client.get_schedule_handle(schedule_id)
    await schedule.trigger()
    while len(actions := (await schedule.describe()).info.recent_actions) < times:
        continue
    run = actions[-1].action
    assert isinstance(run, ScheduleActionExecutionStartWorkflow)
    handle: WorkflowHandle[SloWorkflow, Burn] = stage.server.client.get_workflow_handle_for(
        SloWorkflow.run,
        run.workflow_id,
    )
    return await handle.result()
