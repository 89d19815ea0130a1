"""A call that is over is freed at once, by reference counting: a bridge must not wait for its garbage collector."""

import asyncio
import gc
from collections.abc import Iterator

import pytest

from realtime_bridge.call_model import CallModel
from realtime_bridge.live_call import LiveCall
from realtime_bridge.model_link import ModelLink
from realtime_bridge.protocol.call import CallSession
from realtime_bridge.protocol.playback import Playback
from realtime_bridge.protocol.watch import Watch
from realtime_bridge.tape import Tape
from realtime_bridge.tools.runner import ToolRunner
from tests.realtime_bridge.calls import mulaw
from tests.realtime_bridge.stage import Stage

PARTS = (LiveCall, CallModel, ModelLink, CallSession, Watch, Playback, Tape, ToolRunner)


@pytest.fixture
def no_collector() -> Iterator[None]:
    """What other tests left is gone, and nothing is collected meanwhile."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def left() -> list[str]:
    """What is still there of any call."""
    return sorted({type(each).__name__ for each in gc.get_objects() if type(each) in PARTS})


async def left_for_good() -> list[str]:
    """The same once the sockets have noticed that they are closed and cancelled tasks have ended."""
    for _ in range(50):
        if not left():
            return []
        await asyncio.sleep(0.02)
    return left()


@pytest.mark.usefixtures("no_collector")
class TestFreed:
    async def test_when_the_caller_hangs_up_after_an_answer_that_was_cut(self, stage: Stage) -> None:
        async with stage.phone() as phone:
            await phone.start()
            model = await stage.model.session()
            await phone.speak()
            await model.hear("How do I reset my password?")
            await model.ask_tool("lookup_article", {"query": "How do I reset my password?"})
            await model.sent("response.create")
            await model.say("response.created", response={"id": "r"})
            await model.say("response.output_audio.delta", response_id="r", item_id="i", delta=mulaw(500))
            await phone.until("media")
            await model.say("input_audio_buffer.speech_started", item_id="u2", audio_start_ms=0)
            await phone.until("clear")
            assert left() != []

            await phone.hang_up()
        await stage.bridge.drained()

        assert await left_for_good() == []

    async def test_when_the_line_drops_while_the_greeting_plays_and_a_search_runs(self, stage: Stage) -> None:
        async with stage.phone() as phone:
            await phone.start()
            model = await stage.model.session()
            await phone.until("media")
            await model.say("input_audio_buffer.speech_started", item_id="u", audio_start_ms=0)
            kind = "conversation.item.input_audio_transcription.delta"
            await model.say(kind, item_id="u", content_index=0, delta="How do I reset my password")
            await phone.until("clear")
        await stage.bridge.drained()

        assert await left_for_good() == []

    async def test_when_its_model_was_replaced(self, stage: Stage) -> None:
        async with stage.phone() as phone:
            await phone.start()
            await (await stage.model.session()).socket.close()
            await (await stage.model.session()).sent("session.update")
            await phone.hang_up()
        await stage.bridge.drained()

        assert await left_for_good() == []
