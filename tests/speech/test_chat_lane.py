"""The whole chained lane with a chat model in it: real models, OpenAI's own client, a chat server on the loopback."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import jiwer
import pytest

from firstline.adapters.chat_model import ChatModel
from firstline.domain.refusal import normalise
from firstline.simulators.chat_brain import Line, scripted
from firstline.simulators.chat_model import ChatSimulator, Pace
from firstline.speech.audio import AudioFormat, decode
from firstline.speech.engine import SpeechEngine
from firstline.speech.server import serve
from tests.simulators.serving import serving
from tests.speech.caller import Caller

pytestmark = pytest.mark.integration

LOOKED_UP = {
    "passages": [{"chunk_id": "kb_0123456789ab", "article_id": "a", "text": "An invitation is valid for seven days."}],
    "confidence": 0.9,
}


@pytest.fixture
async def simulator() -> ChatSimulator:
    return ChatSimulator()


@pytest.fixture
async def caller(
    engine: SpeechEngine, simulator: ChatSimulator, check_event: Callable[[dict[str, Any]], None]
) -> AsyncIterator[Caller]:
    async with serving(simulator.app()) as url:
        model = ChatModel("gpt-4.1-mini", "", url)
        server = await serve(SpeechEngine(engine.transcriber, engine.speaker, model))
        caller, manager = await Caller.dial(server, check_event, instructions="Be brief.")
        caller.open_line()
        yield caller
        await caller.hang_up(manager)
        await server.close()
        await model.aclose()


async def test_a_question_a_tool_and_a_spoken_answer(
    caller: Caller, say: Callable[[str], bytes], engine: SpeechEngine
) -> None:
    caller.say(say("How long is an invitation valid?"))
    call = (await caller.until("response.output_item.done"))["item"]
    asked = (await caller.until("response.done"))["response"]
    turn = len(caller.events)
    await caller.answer_tool(call, LOOKED_UP)
    told = (await caller.until("response.done", turn))["response"]

    assert (call["name"], call["status"]) == ("lookup_article", "completed")
    heard = await engine.transcriber.transcribe(decode(caller.audio(turn), AudioFormat.PCMU), 8000, "en")
    assert jiwer.wer("an invitation is valid for seven days", normalise(heard.text)) <= 0.15
    assert asked["usage"]["input_tokens"] < told["usage"]["input_tokens"]
    assert told["usage"]["output_token_details"]["audio_tokens"] == 0


async def test_a_barge_in_closes_the_stream_and_only_what_was_heard_is_remembered(
    caller: Caller, simulator: ChatSimulator, say: Callable[[str], bytes]
) -> None:
    long = "Of course, here is what I know. " + "There is a lot to say about it. " * 50
    simulator.brain = scripted([Line(long)], [Line("Yes.")])
    simulator.pace = Pace(tokens_a_second=60)
    await caller.connection.response.create()
    item_id = (await caller.until("response.output_audio.delta"))["item_id"]

    caller.say(say("Wait a moment, please."))
    ended = await caller.until("response.done")
    await asyncio.wait_for(simulator.closed.wait(), 5)
    await caller.connection.conversation.item.truncate(item_id=item_id, content_index=0, audio_end_ms=900)
    await caller.until("response.done", caller.events.index(ended) + 1)

    assert ended["response"]["status_details"]["reason"] == "turn_detected"
    [remembered] = [m["content"] for m in simulator.requests[-1]["messages"] if m["role"] == "assistant"]
    assert long.startswith(remembered)
    assert len(remembered) < 40


async def test_a_failure_ends_the_response_and_the_session_goes_on(caller: Caller, simulator: ChatSimulator) -> None:
    simulator.failures = [(429, "rate_limit_exceeded")]
    simulator.brain = scripted([Line("Here I am.")])

    await caller.connection.response.create()
    failed = (await caller.until("response.done"))["response"]
    turn = len(caller.events)
    await caller.connection.response.create()
    done = (await caller.until("response.done", turn))["response"]

    assert (failed["status"], failed["status_details"]["error"]["code"]) == ("failed", "rate_limit_exceeded")
    assert (done["status"], done["output"][0]["content"][0]["transcript"]) == ("completed", "Here I am.")
