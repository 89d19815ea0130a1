"""What is live, as the carrier and as Temporal tell it."""

import asyncio
import uuid

import pytest
from temporalio.testing import WorkflowEnvironment

from firstline.adapters.open_calls import TemporalOpenCalls
from firstline.domain.orphans import LiveCall
from firstline.names import call_workflow_id
from tests.contracts.telephony_worlds import TelephonyWorld
from tests.simulators.phone_booth import CALLER, LINE
from tests.workflows.calls import activities_of, started
from tests.workflows.fakes import World
from tests.workflows.stage import Stage
from workers.worker import build_worker

pytestmark = pytest.mark.integration


class TestLiveCalls:
    async def test_are_those_of_the_number_that_have_not_ended(self, world: TelephonyWorld) -> None:
        await world.finished_caller()
        sid = await world.live_caller()

        assert list(await world.telephony.live_calls(LINE)) == [LiveCall(sid, LINE, CALLER, talking=True)]
        assert list(await world.telephony.live_calls("+15550100777")) == []


class TestOpenCalls:
    async def test_are_those_whose_end_is_waited_for(self, dev_server: WorkflowEnvironment) -> None:
        fake, queue = World(), f"open-{uuid.uuid4().hex}"
        async with build_worker(dev_server.client, activities_of(fake), queue):
            stage, calls = Stage(dev_server, fake, queue), TemporalOpenCalls(dev_server.client)
            waits, over = started(), started()
            await stage.call(waits)
            await (await stage.call(over)).signal("caller_left")
            async with asyncio.timeout(20):
                # What can be listed lags behind what is.
                while waits.call_sid not in (found := await calls.open_calls()) or over.call_sid in found:
                    continue
            await dev_server.client.get_workflow_handle(call_workflow_id(waits.call_sid)).terminate()

        assert waits.call_sid in found
