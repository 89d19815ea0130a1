"""Archived calls, shown where people look."""

from dataclasses import replace

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.archive import trace_json, trace_key
from activities.trace_view import TraceViewActivities
from firstline.domain.retention import KeptCall, cold_key
from firstline.domain.turn import TurnAudio
from firstline.ports import CallRecord, PortError
from tests.activities.test_archive import finished
from tests.workflows.fakes import World

CALL = KeptCall(finished().start.call_sid, "2026-03-02")


@pytest.fixture
def world() -> World:
    return World()


async def show(world: World, record: CallRecord, cold: bool = False) -> str:
    key = trace_key(record)
    world.object_store.blobs[cold_key(key) if cold else key] = trace_json(record)
    activities = TraceViewActivities(world.object_store, world.trace_view)
    return await ActivityEnvironment().run(activities.show_call, CALL)


class TestShowing:
    @pytest.mark.parametrize("cold", [False, True])
    async def test_shows_what_the_archive_holds_word_for_word(self, world: World, cold: bool) -> None:
        link = await show(world, finished(), cold)

        assert world.trace_view.shown == {CALL.call_sid: (finished(), 0)}
        assert link.endswith(CALL.call_sid)

    async def test_brings_the_recordings_that_arrived(self, world: World) -> None:
        world.object_store.blobs["audio/caller.wav"] = b"RIFF"
        turn = replace(finished().turns[0], audio=TurnAudio("audio/caller.wav", "audio/never-arrived.wav"))

        await show(world, replace(finished(), turns=[turn]))

        assert world.trace_view.shown[CALL.call_sid][1] == 1

    async def test_in_trouble_is_tried_again(self, world: World) -> None:
        world.trace_view.errors["show"] = [PortError("503")]

        with pytest.raises(PortError):
            await show(world, finished())

    async def test_without_an_archived_trace_is_not(self, world: World) -> None:
        activities = TraceViewActivities(world.object_store, world.trace_view)

        with pytest.raises(ApplicationError, match="not in the archive") as refused:
            await ActivityEnvironment().run(activities.show_call, CALL)

        assert refused.value.non_retryable

    async def test_without_a_view_there_is_nothing_to_do(self, world: World) -> None:
        activities = TraceViewActivities(world.object_store, None)

        assert await ActivityEnvironment().run(activities.show_call, CALL) == ""
