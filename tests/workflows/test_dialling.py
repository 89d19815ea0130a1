"""Outbound calls of all workers together keep to the carrier's limit."""

import time
from datetime import timedelta
from itertools import pairwise

from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from firstline.adapters.dial_turns import PostgresDialTurns, Turn
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


class NotedTurns(PostgresDialTurns):
    """Keeps the turns that were given: a busy machine may dial late, which says nothing of the distance."""

    def __init__(self, pool: Pool, per_second: float, carrier: str) -> None:
        super().__init__(pool, per_second, carrier, longest_wait=20)
        self.given: list[float] = []

    async def take(self) -> Turn:
        turn = await super().take()
        self.given.append(turn.at)
        return turn


class PacedTelephony(RecordingTelephony):
    """Waits for its turn as the real adapter does, and notes when it dialled."""

    def __init__(self, turns: DialTurns) -> None:
        super().__init__()
        self.at: list[float] = []
        self._turns = turns

    async def dial_callback(self, dial: CallbackDial) -> str:
        await self._turns.wait()
        self.at.append(time.time())
        return await super().dial_callback(dial)


async def test_two_workers_place_no_more_calls_a_second_than_one_may(
    dev_server: WorkflowEnvironment, pool: Pool
) -> None:
    """Everybody is due at once; the task queue hands the calls out, and none comes out of turn."""
    turns = NotedTurns(pool, RATE, "rush")
    telephony = PacedTelephony(turns)
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

    given = sorted(turns.given)
    assert min(after - before for before, after in pairwise(given)) >= 0.999 / RATE
    assert all(dialled >= turn - 0.01 for turn, dialled in zip(given, sorted(telephony.at), strict=True))
    assert dial_task_queue(queue) == "rush-dial"
