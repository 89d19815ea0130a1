"""Turns that the model's transcriber could not make out."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from firstline.domain.facts import FactKind
from realtime_bridge.protocol.commands import Command, Happened, HearAgain
from realtime_bridge.protocol.realtime import ModelSettings, SessionConfig, session_update
from tests.fakes.transcription import FakeTranscription
from tests.realtime_bridge.calls import Bench
from tests.realtime_bridge.scripted_model import scripted_model
from tests.realtime_bridge.stage import Stage


def heard(bench: Bench, *, text: str | None, item: str = "item_u1", ms: int = 800, **more: Any) -> list[Command]:
    """The caller speaks, and what the first transcriber made of it arrives; None when it failed."""
    bench.model("input_audio_buffer.speech_started", item_id=item)
    bench.hear(ms)
    bench.model("input_audio_buffer.speech_stopped", item_id=item, audio_end_ms=bench.session.line.audio_ms)
    kind = "conversation.item.input_audio_transcription"
    if text is None:
        return bench.model(f"{kind}.failed", item_id=item, error={"code": "failed"})
    return bench.model(f"{kind}.completed", item_id=item, transcript=text, **more)


def response(bench: Bench, output: list[dict[str, Any]] | None = None) -> list[Command]:
    """The model responds, by default with nothing."""
    bench.model("response.created", response={"id": "r1"})
    return bench.model("response.done", response={"id": "r1", "status": "completed", "output": output or []})


def again(bench: Bench, text: str | None, item: str = "item_u1") -> list[Command]:
    bench.session.heard_again(item, text, bench.now)
    return bench.take()


def asked(commands: list[Command]) -> list[HearAgain]:
    return [command for command in commands if isinstance(command, HearAgain)]


@pytest.fixture
def bench() -> Bench:
    bench = Bench(second_hearing=True)
    bench.start()
    return bench


def tokens(*logprobs: float) -> list[dict[str, Any]]:
    return [{"token": "a", "logprob": logprob, "bytes": [97]} for logprob in logprobs]


class TestDoubt:
    @pytest.mark.parametrize("text", [None, "", "  "])
    def test_a_turn_without_words_is_heard_again(self, bench: Bench, text: str | None) -> None:
        [command] = asked(heard(bench, text=text, ms=800))

        assert (command.item_id, len(command.frames)) == ("item_u1", 40)

    def test_what_came_before_speech_was_detected_is_heard_too(self, bench: Bench) -> None:
        bench.hear(3000)

        [command] = asked(heard(bench, text="", ms=800))

        assert len(command.frames) == 150 + 40

    def test_of_a_long_turn_the_last_ten_seconds_are_kept(self, bench: Bench) -> None:
        [command] = asked(heard(bench, text="", ms=15_000))

        assert len(command.frames) == 500

    def test_words_that_the_transcriber_only_guessed_are_heard_again(self, bench: Bench) -> None:
        assert asked(heard(bench, text="Thank you.", logprobs=tokens(-0.4, -2.6)))

    @pytest.mark.parametrize("more", [{}, {"logprobs": None}, {"logprobs": tokens(-0.1, -0.5)}])
    def test_other_words_are_taken_as_they_are(self, bench: Bench, more: dict[str, Any]) -> None:
        assert not asked(heard(bench, text="How do I reset my password?", **more))

    def test_nobody_is_asked_where_nobody_is_there(self) -> None:
        bench = Bench()
        bench.start()

        assert not asked(heard(bench, text=""))


class TestWords:
    def test_become_the_turn_s_and_the_model_s(self, bench: Bench) -> None:
        heard(bench, text=None)
        assert bench.session.transcript_pending

        again(bench, "How do I reset my password?")

        assert not bench.session.transcript_pending
        assert bench.session.caller_text == "How do I reset my password?"
        told = [report.turn for report in bench.reports if report.kind is FactKind.CALLER_SAID]
        assert [turn.caller_text for turn in told if turn] == ["How do I reset my password?"]
        [item] = bench.sent_to_model("conversation.item.create")
        assert item["previous_item_id"] == "item_u1"
        assert item["item"]["content"] == [{"type": "input_text", "text": "How do I reset my password?"}]

    def test_none_at_all_leave_the_guess_standing(self, bench: Bench) -> None:
        heard(bench, text="Thank you.", logprobs=tokens(-2.0))

        again(bench, None)

        assert bench.session.caller_text == "Thank you."
        assert bench.sent_to_model("conversation.item.create") == []

    def test_the_same_as_guessed_need_not_be_told(self, bench: Bench) -> None:
        heard(bench, text="Thank you.", logprobs=tokens(-2.0))

        again(bench, "Thank you.")

        assert bench.sent_to_model("conversation.item.create") == []


class TestAnswer:
    def test_is_asked_for_again_when_the_model_had_nothing_to_say(self, bench: Bench) -> None:
        heard(bench, text="")
        response(bench)

        commands = again(bench, "How do I reset my password?")

        assert len(bench.sent_to_model("response.create")) == 1
        assert Happened("asked_again") in commands

    def test_is_waited_for_while_the_model_is_at_it(self, bench: Bench) -> None:
        heard(bench, text="")
        bench.model("response.created", response={"id": "r1"})

        again(bench, "How do I reset my password?")
        assert bench.sent_to_model("response.create") == []
        bench.model("response.done", response={"id": "r1", "status": "completed", "output": []})

        assert len(bench.sent_to_model("response.create")) == 1

    def test_is_not_asked_for_again_when_there_is_one(self, bench: Bench) -> None:
        heard(bench, text="")
        bench.agent_says("You can reset it on the sign-in page.")

        again(bench, "How do I reset my password?")

        assert bench.sent_to_model("response.create") == []

    def test_is_not_asked_for_when_the_caller_has_said_something_else_since(self, bench: Bench) -> None:
        heard(bench, text="", item="item_u1")
        response(bench)
        heard(bench, text="Hello?", item="item_u2")

        again(bench, "How do I reset my password?", "item_u1")

        assert bench.sent_to_model("response.create") == []


class TestBesideTheLoop:
    async def ask(self, tmp_path: Path, transcription: FakeTranscription) -> Stage:
        """A call in which the model makes out nothing and has nothing to say."""
        async with scripted_model() as model:
            stage = Stage(tmp_path, model, transcription=transcription)
            async with stage.bridge.running(), stage.phone() as phone:
                await phone.start()
                session = await stage.model.session()
                await session.sent("session.update")
                playing = asyncio.create_task(phone.play_all("everything"))
                # The note of the call, and the greeting once it was heard to its end.
                await session.sent("conversation.item.create", 2, "message")
                await phone.speak(30)
                await session.sent("input_audio_buffer.append", 30)
                await session.hear("")
                await session.say("response.created", response={"id": "r1"})
                await session.say("response.done", response={"id": "r1", "status": "completed"})
                if transcription.text:
                    told = await session.sent("conversation.item.create", 3, "message")
                    assert told["item"]["content"][0]["text"] == transcription.text
                    await session.sent("response.create")
                playing.cancel()
                await asyncio.wait([playing])
                await phone.hang_up()
                await stage.bridge.drained()
        await stage.http.aclose()
        return stage

    async def test_the_words_are_told_and_the_answer_asked_for(self, tmp_path: Path) -> None:
        transcription = FakeTranscription("How do I reset my password?")

        stage = await self.ask(tmp_path, transcription)

        [(wav, language)] = transcription.asked
        assert (len(wav), language) == (58 + 30 * 160, "en")
        said = [fact.turn.caller_text for fact in stage.control.delivered if fact.kind is FactKind.CALLER_SAID]  # type: ignore[union-attr]
        assert said == ["How do I reset my password?"]

    async def test_a_server_that_is_down_costs_only_the_words(self, tmp_path: Path) -> None:
        transcription = FakeTranscription(None)

        await self.ask(tmp_path, transcription)

        assert len(transcription.asked) == 1


@pytest.mark.parametrize("wanted", [True, False])
def test_how_sure_the_transcriber_was_is_asked_for_where_it_can_tell(wanted: bool) -> None:
    config = SessionConfig("", [], "en", ModelSettings(transcription_logprobs=wanted))

    session = orjson.loads(session_update(config))["session"]

    assert session.get("include") == (["item.input_audio_transcription.logprobs"] if wanted else None)
