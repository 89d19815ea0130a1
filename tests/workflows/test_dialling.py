"""Outbound calls of all workers together keep to the carrier's limit."""

import time
from datetime import timedelta
from itertools import pairwise

from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from firstline.adapters.dial_turns import PostgresDialTurns
from firstline.adapters.postgres import Pool
from firstline.domain.callback import CallbackInput
from firstline.names import dial_task_queue
from firstline.ports import CallbackDial, DialTurns
from tests.workflows.calls import LINE, activities_of, call_me, started
from tests.workflows.fakes import RecordingTelephony, World
from tests.workflows.stage import Stage
from workers.worker import build_worker

CALLS = 8
RATE = 3.0


class PacedTelephony(RecordingTelephony):
    """Waits for its turn as the real adapter does, and notes when it dialled."""

    def __init__(self, turns: DialTurns) -> None:
        super().__init__()
        self.at: list[float] = []
        self._turns = turns

    async def dial_callback(self, dial: CallbackDial) -> str:
        await self._turns.wait()
        self.at.append(time.monotonic())
        return await super().dial_callback(dial)


async def test_two_workers_place_no_more_calls_a_second_than_one_may(
    dev_server: WorkflowEnvironment, pool: Pool
) -> None:
    """Everybody is due at once; the task queue hands the calls out, and none comes out of turn."""
    telephony = PacedTelephony(PostgresDialTurns(pool, RATE, "rush"))
    world, queue = World(telephony=telephony), "rush"
    stage = Stage(dev_server, world, queue)
    # Another process has a connection of its own.
    another = await Client.connect(dev_server.client.service_client.config.target_host)
    first, second = (
        build_worker(client, activities_of(world), queue, dials_per_second=RATE)
        for client in (dev_server.client, another)
    )
    due = await dev_server.get_current_time() + timedelta(seconds=1)
    async with first, second:
        rung = [await stage.callback(CallbackInput(call_me(started(), due), LINE)) for _ in range(CALLS)]
        await telephony.until(lambda: len(telephony.dialled) == CALLS)
        for callback in rung:
            await callback.terminate()

    gaps = [after - before for before, after in pairwise(telephony.at)]
    # An event loop that wakes up late for one call does not for the next, which then seems early.
    assert min(gaps) > 0.8 / RATE
    assert telephony.at[-1] - telephony.at[0] > 0.98 * (CALLS - 1) / RATE
    assert dial_task_queue(queue) == "rush-dial"
