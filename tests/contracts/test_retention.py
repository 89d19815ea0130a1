"""What every `ports_after_call.Retention` keeps, holds and forgets; and what Temporal forgets of a caller."""

import asyncio
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.testing import WorkflowEnvironment

from firstline.adapters.caller_workflows import TemporalCallerWorkflows
from firstline.adapters.postgres import Pool
from firstline.adapters.read_model import PostgresReadModel
from firstline.adapters.retention import PostgresRetention
from firstline.domain.retention import KeptCall
from firstline.ports import ReadModel, Rejected
from firstline.ports_after_call import Retention
from tests.fakes.read_model import FakeReadModel
from tests.fakes.retention import FakeRetention
from tests.workflows.calls import activities_of, started
from tests.workflows.fakes import World
from tests.workflows.finished import finished
from tests.workflows.stage import Stage
from workers.worker import build_worker

# Long before the calls of every other test that writes to the same database.
OLD = datetime(1995, 5, 5, 12, tzinfo=UTC)
ANA, BEN = "+34600000001", "+34600000002"


@dataclass
class Store:
    """A read model and its keeper."""

    model: ReadModel
    retention: Retention

    async def save(self, sid: str, caller: str, at: datetime = OLD) -> None:
        await self.model.save_call(finished(sid, at, caller=caller, waits=(400.0,)), "https://x/hot")


@pytest.fixture(params=["fake", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "fake":
        model = FakeReadModel()
        return Store(model, FakeRetention(model))
    pool: Pool = request.getfixturevalue("pool")
    return Store(PostgresReadModel(pool), PostgresRetention(pool))


class TestRetention:
    async def test_finds_the_calls_of_a_number_with_their_days(self, store: Store) -> None:
        await store.save("CA62", ANA, OLD + timedelta(days=1))
        await store.save("CA61", ANA)
        await store.save("CA63", BEN)

        assert list(await store.retention.calls_of(ANA)) == [
            KeptCall("CA61", "1995-05-05"),
            KeptCall("CA62", "1995-05-06"),
        ]

        assert await store.retention.forget(["CA61", "CA62", "CA63", "CA64"]) == 3
        assert list(await store.retention.calls_of(ANA)) == []

    async def test_holds_a_call_or_all_of_a_number_until_released(self, store: Store) -> None:
        for sid, caller in (("CA65", ANA), ("CA66", BEN), ("CA67", BEN)):
            await store.save(sid, caller)
        await store.retention.hold("CA65", "case 1")
        await store.retention.hold(BEN, "case 2")

        assert set(await store.retention.held()) == {"CA65", "CA66", "CA67"}
        assert await store.retention.forget_before(OLD + timedelta(days=9)) == 0

        assert [await store.retention.release(BEN) for _ in range(2)] == [True, False]
        assert await store.retention.forget_before(OLD + timedelta(days=9)) == 2
        assert list(await store.retention.calls_of(ANA)) == [KeptCall("CA65", "1995-05-05")]
        await store.retention.release("CA65")
        await store.retention.forget(["CA65"])

    async def test_forgets_what_rang_before_and_keeps_the_rest(self, store: Store) -> None:
        await store.save("CA68", ANA)
        await store.save("CA69", ANA, OLD + timedelta(seconds=1))

        assert await store.retention.forget_before(OLD + timedelta(seconds=1)) == 1
        assert [call.call_sid for call in await store.retention.calls_of(ANA)] == ["CA69"]
        await store.retention.forget(["CA69"])

    async def test_notes_that_a_trace_moved_also_for_a_call_that_is_gone(self, store: Store) -> None:
        await store.retention.trace_moved("CA00", "https://x/cold")

        assert await store.retention.forget(["CA00"]) == 0


class TestCallerWorkflows:
    async def test_closed_ones_are_deleted_and_running_ones_told(self, dev_server: WorkflowEnvironment) -> None:
        world, queue = World(), f"erase-{uuid.uuid4().hex}"
        workflows = TemporalCallerWorkflows(dev_server.client)
        phone = "+34600" + str(uuid.uuid4().int)[:6]
        async with build_worker(dev_server.client, activities_of(world), queue):
            stage = Stage(dev_server, world, queue)
            calls = [await stage.call(started(caller=phone)) for _ in range(3)]
            for call in calls[:2]:
                await call.signal("caller_left")
                await call.result()
            async with asyncio.timeout(20):
                while len(known := await workflows.calls_of(phone)) < 3:
                    continue
            kept = calls[0].id.removeprefix("call-")
            async with asyncio.timeout(20):
                while (told := await workflows.forget_caller(phone, [kept]))[0] == 0:
                    continue
            await calls[2].terminate()

        assert told[0] == 1
        assert calls[2].id in told[1]
        assert len(known) == 3

    async def test_are_not_asked_for_what_is_no_number(self, dev_server: WorkflowEnvironment) -> None:
        with pytest.raises(Rejected):
            await TemporalCallerWorkflows(dev_server.client).calls_of("' OR WorkflowId != '")
