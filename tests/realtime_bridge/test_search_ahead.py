"""Searching while the caller speaks, over real sockets."""

import asyncio

import orjson

from firstline.domain.facts import FactKind
from firstline.domain.turn import Lookup, Turn
from firstline.ports import PortError
from tests.realtime_bridge.calls import mulaw
from tests.realtime_bridge.scripted_model import ModelSession
from tests.realtime_bridge.stage import Phone, Stage

DELTA = "conversation.item.input_audio_transcription.delta"


async def begin(stage: Stage, phone: Phone, **parameters: str) -> ModelSession:
    """A call whose caller is in the middle of a question."""
    await phone.start(**parameters)
    model = await stage.model.session()
    await model.sent("session.update")
    await model.say("input_audio_buffer.speech_started", item_id="item_u1", audio_start_ms=0)
    return model


def turns(stage: Stage) -> list[Turn]:
    return [fact.turn for fact in stage.control.delivered if fact.kind is FactKind.TURN_FINISHED and fact.turn]


class TestAQuestionUnderWay:
    async def test_is_answered_from_passages_that_were_there_when_it_ended(self, stage: Stage) -> None:
        await stage.post("/twilio/voice")
        async with stage.phone() as phone:
            model = await begin(stage, phone)
            await model.say(DELTA, item_id="item_u1", delta="How do I reset my password")
            output = await model.sent("conversation.item.create", item_type="function_call_output")
            await model.say("input_audio_buffer.speech_stopped", item_id="item_u1", audio_end_ms=500)
            await model.speak("Choose Forgot password on the sign-in page.", mulaw(100))
            await phone.play_all("item_a1")
            await phone.hang_up()
        await stage.bridge.drained()

        [turn] = turns(stage)
        assert orjson.loads(output["item"]["output"])["passages"][0]["article_id"] == "reset-password"
        assert (turn.lookup, turn.article_ids) == (Lookup.QUOTED, ["reset-password"])
        assert [use.ms for use in turn.tools] == [0.0], "the model never had to ask"

    async def test_lets_go_of_a_search_when_a_better_one_begins(self, stage: Stage) -> None:
        await stage.post("/twilio/voice")
        stage.knowledge.held = asyncio.Event()
        async with stage.phone() as phone:
            model = await begin(stage, phone)
            await model.say(DELTA, item_id="item_u1", delta="How do I reset")
            await asyncio.wait_for(stage.knowledge.begun.get(), 10)

            await model.say(DELTA, item_id="item_u1", delta=" my password")
            await asyncio.wait_for(stage.knowledge.begun.get(), 10)
            stage.knowledge.held.set()
            call = await model.sent("conversation.item.create", item_type="function_call")

        assert stage.knowledge.gave_up == ["How do I reset"]
        assert "password" in call["item"]["arguments"]

    async def test_goes_on_when_the_help_centre_is_down(self, stage: Stage) -> None:
        async def down(query: str, *, k: int = 5, language: str | None = None) -> None:
            raise PortError("no answer")

        stage.knowledge.search = down  # type: ignore[method-assign,assignment]
        await stage.post("/twilio/voice")
        async with stage.phone() as phone:
            model = await begin(stage, phone)
            await model.say(DELTA, item_id="item_u1", delta="How do I reset my password")
            await model.say("input_audio_buffer.speech_stopped", item_id="item_u1", audio_end_ms=500)

            await model.ask_tool("lookup_article", {"query": "reset my password"})

            output = await model.sent("conversation.item.create", item_type="function_call_output")
        assert "error" in orjson.loads(output["item"]["output"])

    async def test_is_left_alone_on_a_line_that_does_not_want_it(self, stage: Stage) -> None:
        twiml = (await stage.post("/twilio/voice?speculate=0")).text
        async with stage.phone() as phone:
            model = await begin(stage, phone, speculate="0")
            await model.say(DELTA, item_id="item_u1", delta="How do I reset my password")
            await model.say("input_audio_buffer.speech_stopped", item_id="item_u1", audio_end_ms=500)

            await model.ask_tool("lookup_article", {"query": "reset my password"})
            await model.sent("response.create")

        assert 'name="speculate" value="0"' in twiml
        assert stage.knowledge.asked == ["reset my password"]
