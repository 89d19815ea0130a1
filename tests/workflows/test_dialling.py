"""Outbound calls of all workers together keep to the carrier's limit."""

import time
from datetime import timedelta

from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from firstline.domain.callback import CallbackInput
from firstline.names import dial_task_queue
from firstline.ports import CallbackDial
from tests.workflows.calls import LINE, activities_of, call_me, started
from tests.workflows.fakes import RecordingTelephony, World
from tests.workflows.stage import Stage
from workers.worker import build_worker

CALLS = 8


class TimedTelephony(RecordingTelephony):
    """Notes when it was asked to dial."""

    def __init__(self) -> None:
        super().__init__()
        self.at: list[float] = []

    async def dial_callback(self, dial: CallbackDial) -> str:
        self.at.append(time.monotonic())
        return await super().dial_callback(dial)


async def test_two_workers_place_no_more_calls_a_second_than_one_may(dev_server: WorkflowEnvironment) -> None:
    """Everybody is due at once; the task queue hands the calls out."""
    telephony = TimedTelephony()
    world, queue = World(telephony=telephony), "rush"
    stage = Stage(dev_server, world, queue)
    # Another process has a connection of its own.
    another = await Client.connect(dev_server.client.service_client.config.target_host)
    first, second = (
        build_worker(client, activities_of(world), queue, dials_per_second=3) for client in (dev_server.client, another)
    )
    due = await dev_server.get_current_time() + timedelta(seconds=1)
    async with first, second:
        rung = [await stage.callback(CallbackInput(call_me(started(), due), LINE)) for _ in range(CALLS)]
        await telephony.until(lambda: len(telephony.dialled) == CALLS)
        for callback in rung:
            await callback.terminate()

    # Each of the queue's four partitions lets one through at once; without the limit all would be within 0.2 s.
    assert telephony.at[-1] - telephony.at[0] > (CALLS - 4) / 3 * 0.6
    assert dial_task_queue(queue) == "rush-dial"
