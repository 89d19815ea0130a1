"""Warming what is spoken outside the model."""

import pytest
from temporalio.testing import ActivityEnvironment

from activities.prefetch import PrefetchActivities, Prefetched
from firstline.ports import PortError, Rejected
from firstline.prompts import phrase_key
from tests.workflows.fakes import World

PHRASES = {"en": ["Hello.", "One moment."], "es": ["Hola."]}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def activities(world: World) -> PrefetchActivities:
    return PrefetchActivities(world.voice, world.object_store, PHRASES)


class TestAPrefetch:
    async def test_makes_every_phrase_of_every_language(self, activities: PrefetchActivities, world: World) -> None:
        done = await ActivityEnvironment().run(activities.prefetch_languages)

        assert done == Prefetched(made=3, present=0)
        assert world.object_store.blobs[phrase_key("es", "Hola.")] == b"Hola."

    async def test_skips_what_another_process_has_made(self, world: World) -> None:
        await ActivityEnvironment().run(PrefetchActivities(world.voice, world.object_store, PHRASES).prefetch_languages)
        another = PrefetchActivities(world.voice, world.object_store, PHRASES)

        done = await ActivityEnvironment().run(another.prefetch_languages)

        assert done == Prefetched(made=0, present=3)
        assert len(world.voice.spoken) == 3

    async def test_does_not_ask_the_store_again_for_what_it_knows(
        self, activities: PrefetchActivities, world: World
    ) -> None:
        await ActivityEnvironment().run(activities.prefetch_languages)
        asked = len(world.object_store.gets)

        await ActivityEnvironment().run(activities.prefetch_languages)

        assert len(world.object_store.gets) == asked

    async def test_goes_on_where_it_broke_off(self, activities: PrefetchActivities, world: World) -> None:
        world.object_store.errors["put"] = [PortError("503")]
        with pytest.raises(PortError):
            await ActivityEnvironment().run(activities.prefetch_languages)

        done = await ActivityEnvironment().run(activities.prefetch_languages)

        assert done == Prefetched(made=3, present=0)

    async def test_names_a_language_that_the_voice_does_not_speak(
        self, activities: PrefetchActivities, world: World
    ) -> None:
        world.voice.errors["stream"] = [Rejected("no English voice")]

        done = await ActivityEnvironment().run(activities.prefetch_languages)

        assert done == Prefetched(made=1, present=0, unavailable=["en"])
