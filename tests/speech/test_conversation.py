"""A conversation held by OpenAI's own client, with real models, over the loopback.

The line runs in real time, as a telephone does. Every event is checked against OpenAI's published description, where
that is at hand, and against the client's own types.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import jiwer
import pytest

from firstline.domain.refusal import normalise
from firstline.speech.audio import AudioFormat, decode
from firstline.speech.engine import SpeechEngine
from firstline.speech.server import SpeechServer
from tests.speech.caller import Caller

pytestmark = pytest.mark.integration

PASSAGE = (
    "An invitation is valid for seven days. After that an administrator can send a new one from the people page, "
    "where every open invitation is listed."
)
PASSAGES = {"passages": [{"chunk_id": "kb_0123456789ab", "article_id": "a", "text": PASSAGE}], "confidence": 0.9}


def wer(said: str, heard: str) -> float:
    """Word error rate without regard to case and punctuation."""
    return float(jiwer.wer(normalise(said), normalise(heard)))


@pytest.fixture
async def caller(server: SpeechServer, check_event: Callable[[dict[str, Any]], None]) -> AsyncIterator[Caller]:
    caller, manager = await Caller.dial(server, check_event)
    caller.open_line()
    yield caller
    await caller.hang_up(manager)


async def test_a_question_is_answered_from_what_the_tool_returned(
    caller: Caller, say: Callable[[str], bytes], engine: SpeechEngine
) -> None:
    caller.say(say("How long is an invitation valid?"))

    call = (await caller.until("response.output_item.done"))["item"]
    await caller.until("response.done")
    asked = await caller.until("conversation.item.input_audio_transcription.completed")
    turn = len(caller.events)
    await caller.answer_tool(call, PASSAGES)
    done = await caller.until("response.done", turn)

    assert wer("How long is an invitation valid?", asked["transcript"]) == 0
    assert (call["name"], call["arguments"]) == ("lookup_article", '{"query": "' + asked["transcript"] + '"}')
    [item] = done["response"]["output"]
    told = item["content"][0]["transcript"]
    assert told == PASSAGE
    heard = await engine.transcriber.transcribe(decode(caller.audio(turn), AudioFormat.PCMU), 8000, "en")
    assert wer(told, heard.text) <= 0.1
    deltas = [e["delta"] for e in caller.events[turn:] if e["type"] == "response.output_audio_transcript.delta"]
    assert "".join(deltas) == told
    tokens = done["response"]["usage"]["output_token_details"]["audio_tokens"]
    assert tokens == pytest.approx(len(caller.audio(turn)) / 8 / 50, abs=len(deltas))


async def test_an_interrupted_reply_stops_and_only_the_heard_words_stay(
    caller: Caller, say: Callable[[str], bytes]
) -> None:
    caller.say(say("How long is an invitation valid?"))
    call = (await caller.until("response.output_item.done"))["item"]
    await caller.until("response.done")
    turn = len(caller.events)
    # Long enough that the reply is still being made when the caller cuts in.
    text = " ".join(f"Sentence number {n} is here so that there is a lot to say about this." for n in range(3))
    long = {"text": text, "article_id": "a"}
    await caller.answer_tool(call, {"passages": [long], "confidence": 0.9})
    item_id = (await caller.until("response.output_audio.delta", turn))["item_id"]

    await caller.connection.response.cancel()
    done = await caller.until("response.done", turn)
    await caller.connection.conversation.item.truncate(item_id=item_id, content_index=0, audio_end_ms=700)
    await caller.until("conversation.item.truncated", turn)
    await caller.connection.conversation.item.retrieve(item_id=item_id)
    kept = (await caller.until("conversation.item.retrieved", turn))["item"]

    assert done["response"]["status"] == "cancelled"
    full = done["response"]["output"][0]["content"][0]["transcript"]
    heard = kept["content"][0]["transcript"]
    assert full.startswith(heard)
    assert 0 < len(heard) < len(full)


async def test_speaking_over_the_agent_cancels_the_response(caller: Caller, say: Callable[[str], bytes]) -> None:
    """The voice is far faster than speech, so a long reply at half speed is still being made when the caller speaks."""
    text = " ".join(f"Step {n}, please open the settings page and look at all of the options there." for n in range(40))
    change = {"type": "realtime", "instructions": f"Say exactly: {text}", "audio": {"output": {"speed": 0.25}}}
    await caller.connection.session.update(session=change)  # type: ignore[arg-type]
    await caller.connection.response.create()
    await caller.until("response.output_audio.delta")

    caller.say(say("Stop, please, that is not what I meant."))
    done = await caller.until("response.done")

    assert done["response"]["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    order = [event["type"] for event in caller.events]
    assert order.index("input_audio_buffer.speech_started") < order.index("response.done")


async def test_the_words_of_a_long_turn_are_told_while_the_caller_speaks(
    caller: Caller, say: Callable[[str], bytes]
) -> None:
    sentence = "I would like to know how long an invitation for a new user of our team is valid."
    caller.say(say(sentence))

    completed = await caller.until("conversation.item.input_audio_transcription.completed")

    order = [event["type"] for event in caller.events]
    first = order.index("conversation.item.input_audio_transcription.delta")
    assert first < order.index("input_audio_buffer.speech_stopped")
    assert wer(sentence, completed["transcript"]) <= 0.1


async def test_a_wrong_event_is_told_and_the_conversation_goes_on(caller: Caller, say: Callable[[str], bytes]) -> None:
    await caller.connection.send({"type": "no.such.event", "event_id": "mine"})  # type: ignore[arg-type]

    error = (await caller.until("error"))["error"]
    caller.say(say("Hello?"))
    done = await caller.until("response.done")

    assert error["event_id"] == "mine"
    assert done["response"]["status"] == "completed"


async def test_24_khz_pcm_in_manual_mode(
    server: SpeechServer, check_event: Callable[[dict[str, Any]], None], engine: SpeechEngine
) -> None:
    """Push to talk: nothing is detected, the client commits and asks."""
    pcm = {"type": "audio/pcm", "rate": 24000}
    sides = {
        "input": {"format": pcm, "turn_detection": None, "transcription": {"model": "whisper-1"}},
        "output": {"format": pcm},
    }
    caller, manager = await Caller.dial(server, check_event, audio=sides, tools=[])
    try:
        await caller.send_sound(engine.speaker.say("Hello there.", "en", AudioFormat.PCM))
        await caller.connection.input_audio_buffer.commit()
        await caller.connection.response.create()
        done = await caller.until("response.done")
    finally:
        await caller.hang_up(manager)

    told = done["response"]["output"][0]["content"][0]["transcript"]
    heard = await engine.transcriber.transcribe(decode(caller.audio(), AudioFormat.PCM), 24_000, "en")
    assert wer(told, heard.text) <= 0.2


async def test_many_callers_are_served_at_once(
    server: SpeechServer, check_event: Callable[[dict[str, Any]], None], say: Callable[[str], bytes]
) -> None:
    async def one() -> str:
        caller, manager = await Caller.dial(server, check_event)
        try:
            caller.open_line()
            caller.say(say("How long is an invitation valid?"))
            call = (await caller.until("response.output_item.done"))["item"]
            return str(call["arguments"])
        finally:
            await caller.hang_up(manager)

    asked = await asyncio.gather(*(one() for _ in range(3)))

    assert [wer("How long is an invitation valid?", json.loads(query)["query"]) for query in asked] == [0, 0, 0]
