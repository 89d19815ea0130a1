"""Every event that the server can send, against OpenAI's published description."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import ValidationError

from firstline import speech
from firstline.speech.answer import Call, Say
from firstline.speech.commands import Transcribe
from tests.speech.conftest import SPEC
from tests.speech.driver import LOUD, PHONE, QUIET, Driver

pytestmark = pytest.mark.skipif(not SPEC.exists(), reason="OpenAI's description of the events is not at hand")


def everything() -> list[dict[str, Any]]:
    """The events of a session in which everything happens once."""
    driver = Driver()
    created = driver.sent
    detection = {"type": "server_vad", "idle_timeout_ms": 5000}
    audio = {"input": {"turn_detection": detection}}
    events = driver.send({"type": "session.update", "session": {"type": "realtime", "audio": audio}})
    events += driver.turn("How long does it take?")
    events += driver.answer(Call("lookup_article", "{}"))
    events += driver.say_something()
    item_id = next(event["item_id"] for event in events if event["type"] == "response.output_audio.delta")
    cut = {"item_id": item_id, "content_index": 0, "audio_end_ms": 500}
    events += driver.send({"type": "conversation.item.truncate", **cut})
    events += driver.send({"type": "conversation.item.retrieve", "item_id": item_id})
    events += driver.send({"type": "conversation.item.delete", "item_id": item_id})
    note = {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "Note."}]}
    events += driver.send({"type": "conversation.item.create", "item": note})
    events += driver.send(
        {"type": "response.create", "response": {"output_modalities": ["text"], "metadata": {"a": "b"}}}
    )
    events += driver.answer(Say("Seven days."))
    events += driver.hear(QUIET, 8000)
    events += driver.send({"type": "response.cancel", "event_id": "mine"})
    events += driver.send({"type": "nonsense"})
    events += driver.hear(LOUD, 600) + driver.hear(QUIET, 600)
    driver.session.transcribed(driver.last(Transcribe).ticket, None)
    events += driver.collect()
    driver.session.responding.failed(events[-1].get("response_id", _last_response(events)), "answer_failed")
    events += driver.collect()
    return created + events + driver.send({"type": "input_audio_buffer.clear"})


def _last_response(events: list[dict[str, Any]]) -> str:
    return str([event["response"]["id"] for event in events if event["type"] == "response.created"][-1])


def sendable() -> set[str]:
    """The event types that stand in the room's source."""
    source = "".join(path.read_text(encoding="utf-8") for path in Path(speech.__path__[0]).glob("*.py"))
    named = set(re.findall(r'send\(\s*"([a-z_.]+)"', source))
    # The transcription events are told apart by their last word.
    transcription = "conversation.item.input_audio_transcription"
    return named | {f"{transcription}.{end}" for end in ("delta", "completed", "failed")}


def test_every_event_is_valid(check_event: Callable[[dict[str, Any]], None]) -> None:
    events = everything()

    for event in events:
        check_event(event)
    assert {event["type"] for event in events} == sendable()


@pytest.mark.parametrize("missing", ["event_id", "item_id", "delta"])
def test_the_description_would_notice(check_event: Callable[[dict[str, Any]], None], missing: str) -> None:
    event = next(event for event in everything() if event["type"] == "response.output_audio.delta")
    del event[missing]

    with pytest.raises(ValidationError, match=missing):
        check_event(event)


def test_in_manual_mode_and_pcm_too(check_event: Callable[[dict[str, Any]], None]) -> None:
    pcm = {"type": "audio/pcm", "rate": 24000}
    sides = {"input": {"format": pcm, "turn_detection": None}, "output": {"format": pcm}}
    driver = Driver(update={**PHONE, "audio": sides})
    created = driver.sent

    events = driver.send({"type": "input_audio_buffer.append", "audio": "AAAA" * 3200})
    events += driver.send({"type": "input_audio_buffer.commit"}) + driver.transcribed("Hello?")
    events += driver.say_something()

    for event in created + events:
        check_event(event)
    assert len(events) > 3
