"""What both sides said is in the object store when a call is over, and only then does anybody look for it."""

import asyncio
import base64
from datetime import datetime
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from firstline.domain.turn import Turn, TurnAudio
from firstline.ports import PortError
from realtime_bridge.recording import WAITING_MAX, Recordings
from realtime_bridge.tape import Cutting
from tests.fakes.object_store import FakeObjectStore
from tests.realtime_bridge.calls import CALL, mulaw
from tests.realtime_bridge.scripted_model import scripted_model
from tests.realtime_bridge.stage import Stage
from tests.realtime_bridge.test_burst import said, say_at_once

HEADER = 58
TRANSCRIBED = "conversation.item.input_audio_transcription.completed"


def shout(ms: int) -> str:
    """What a caller says, which is not silence."""
    return base64.b64encode(b"\x10" * (ms * 8)).decode()


async def one_question(stage: Stage) -> Turn:
    """A call with one turn, heard to the end; the turn as it was reported."""
    async with stage.phone() as phone:
        await phone.start()
        model = await stage.model.session()
        await phone.speak(15, shout(20))
        await model.sent("input_audio_buffer.append", 15)
        await model.hear("How do I reset my password?")
        await model.speak("Choose Forgot password.", mulaw(100))
        await phone.play_all("item_a1")
        await phone.hang_up()
    await stage.bridge.drained()
    await stage.recordings.drained()
    return stage.control.calls[CALL].turns[0]


def counted(result: str) -> float:
    return REGISTRY.get_sample_value("firstline_recordings_total", {"result": result}) or 0


class TestATurn:
    async def test_names_its_two_recordings_which_hold_what_was_said_and_heard(self, stage: Stage) -> None:
        turn = await one_question(stage)

        caller, agent = stage.store.blobs[turn.audio.caller], stage.store.blobs[turn.audio.agent]
        assert turn.audio.caller.endswith(f"/{CALL}/turn-1-caller-222222.wav")
        assert caller[HEADER:] == b"\x10" * 160 * 15
        assert agent[HEADER:] == b"\xff" * 800

    async def test_begins_where_the_caller_went_on_in_the_same_breath(self, stage: Stage) -> None:
        """The end of one sound and the next one's begin are read at once; 2.5 s are more than is kept of silence."""
        async with stage.phone() as phone:
            await phone.start()
            model = await stage.model.session()
            await say_at_once(
                model,
                said("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0),
                said("input_audio_buffer.speech_stopped", item_id="u1", audio_end_ms=0),
                said("input_audio_buffer.speech_started", item_id="u2", audio_start_ms=0),
            )
            await model.sent("conversation.item.create")
            await phone.speak(125, shout(20))
            await model.sent("input_audio_buffer.append", 125)
            await model.say("input_audio_buffer.speech_stopped", item_id="u2", audio_end_ms=2500)
            await model.say(TRANSCRIBED, item_id="u2", content_index=0, transcript="How do I reset my password?")
            await model.speak("Choose Forgot password.", mulaw(100))
            await phone.play_all("item_a1")
            await phone.hang_up()
        await stage.bridge.drained()
        await stage.recordings.drained()
        turn = stage.control.calls[CALL].turns[-1]

        assert stage.store.blobs[turn.audio.caller].count(b"\x10" * 160) == 125

    async def test_says_when_the_caller_spoke_and_stopped_and_when_it_was_over(self, stage: Stage) -> None:
        timing = (await one_question(stage)).timing

        spoke, stopped, ended = map(datetime.fromisoformat, (timing.spoke_at, timing.stopped_at, timing.ended_at))
        assert spoke <= stopped <= ended

    async def test_has_no_recordings_where_none_are_wanted(self, tmp_path: Path) -> None:
        async with scripted_model() as model:
            stage = Stage(tmp_path, model, keep_audio=False)
            async with stage.bridge.running():
                turn = await one_question(stage)
            await stage.http.aclose()

        assert turn.audio == TurnAudio()
        assert turn.timing.ended_at
        assert stage.store.blobs == {}


class Away(FakeObjectStore):
    """Refuses so many times, or waits for ever."""

    def __init__(self, refusals: int = 0, stuck: bool = False) -> None:
        super().__init__()
        self.refusals, self.stuck = refusals, stuck

    async def put(self, key: str, data: bytes) -> str:
        if self.stuck:
            await asyncio.Event().wait()
        if self.refusals:
            self.refusals -= 1
            raise PortError("503")
        return await super().put(key, data)


NOTHING = Cutting((), (), 0.0)


class TestAStoreThatIsAway:
    @pytest.mark.parametrize(("refusals", "kept", "result"), [(2, 1, "kept"), (3, 0, "failed")])
    async def test_is_tried_again_and_given_up_after_a_while(self, refusals: int, kept: int, result: str) -> None:
        store, before = Away(refusals), counted(result)
        recordings = Recordings(store, pauses=(0, 0))

        recordings.keep(CALL, TurnAudio(agent="audio/agent.wav"), NOTHING)
        await recordings.drained()

        assert len(store.blobs) == kept
        assert counted(result) == before + 1

    async def test_does_not_fill_the_memory_nor_keep_a_bridge_from_ending(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("realtime_bridge.recording.CLOSING_SECONDS", 0.01)
        before = counted("dropped")
        recordings = Recordings(Away(stuck=True))

        for _ in range(WAITING_MAX + 3):
            recordings.keep(CALL, TurnAudio(agent="audio/agent.wav"), NOTHING)
        await recordings.aclose()

        assert counted("dropped") == before + 3
