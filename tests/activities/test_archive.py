"""What stays of a call."""

import json

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.archive import Projection, TraceActivities, trace_json, trace_key
from firstline.domain.call import Outcome
from firstline.ports import CallRecord, PortError, Rejected
from tests.workflows.calls import answered_turn, started
from tests.workflows.fakes import World


def finished() -> CallRecord:
    """A call with one answered turn."""
    start = started("CA" + "a" * 32)
    turn = answered_turn(start).turn
    assert turn is not None
    return CallRecord(start, "2026-03-02T15:03:00+00:00", Outcome.RESOLVED, "en", [turn], ["15:00:00 A caller rang"])


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def activities(world: World) -> TraceActivities:
    return TraceActivities(world.object_store, world.read_model)


class TestATrace:
    def test_lies_under_the_day_on_which_the_call_rang(self) -> None:
        assert trace_key(finished()) == f"traces/2026-03-02/CA{'a' * 32}.json"

    def test_holds_everything_there_is_to_know(self) -> None:
        trace = json.loads(trace_json(finished()))

        assert trace["turns"][0]["confidence"] == 0.9
        assert trace["timeline"] == ["15:00:00 A caller rang"]
        assert [line["speaker"] for line in trace["transcript"]] == ["caller", "agent"]

    def test_is_the_same_bytes_for_the_same_call(self) -> None:
        assert trace_json(finished()) == trace_json(finished())

    async def test_is_stored_once_however_often_it_is_tried(self, activities: TraceActivities, world: World) -> None:
        await ActivityEnvironment().run(activities.archive_trace, finished())

        link = await ActivityEnvironment().run(activities.archive_trace, finished())

        assert list(world.object_store.blobs) == [trace_key(finished())]
        assert link.endswith(trace_key(finished()))

    async def test_that_the_store_cannot_take_now_is_worth_a_retry(
        self, activities: TraceActivities, world: World
    ) -> None:
        world.object_store.errors["put"] = [PortError("503")]

        with pytest.raises(PortError):
            await ActivityEnvironment().run(activities.archive_trace, finished())

    async def test_that_the_store_refuses_is_not(self, activities: TraceActivities, world: World) -> None:
        world.object_store.errors["put"] = [Rejected("no such bucket")]

        with pytest.raises(ApplicationError, match="no such bucket") as refused:
            await ActivityEnvironment().run(activities.archive_trace, finished())

        assert refused.value.non_retryable


class TestAProjection:
    async def test_is_written_once_however_often_it_is_tried(self, activities: TraceActivities, world: World) -> None:
        projection = Projection(finished(), "https://objects.example/trace.json")
        await ActivityEnvironment().run(activities.project_call, projection)

        await ActivityEnvironment().run(activities.project_call, projection)

        assert world.read_model.calls == {finished().start.call_sid: (finished(), projection.trace_url)}
