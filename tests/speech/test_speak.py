"""Speech: the right words, loud enough, early enough, in both languages."""

import numpy as np
import pytest

from firstline.ports import Voice
from firstline.speech.audio import AudioFormat, decode
from firstline.speech.engine import SpeechEngine
from firstline.speech.speak import whole

pytestmark = pytest.mark.integration

TEXT = "Open the settings page, choose people, and invite your teammate. It takes a minute."


async def test_the_first_piece_comes_before_the_rest_is_made(engine: SpeechEngine) -> None:
    stream = engine.speaker.stream(whole(TEXT), "en", AudioFormat.PCMU)

    first = await anext(stream)
    rest = [piece async for piece in stream]

    assert first.text == "Open the settings page,"
    assert " ".join([first.text, *(piece.text for piece in rest)]) == TEXT


@pytest.mark.parametrize("form", list(AudioFormat))
@pytest.mark.parametrize("language", ["en", "es"])
def test_is_as_loud_as_a_telephone_expects(engine: SpeechEngine, form: AudioFormat, language: str) -> None:
    sound = decode(engine.speaker.say("Por favor, espere un momento.", language, form), form)

    spoken = sound[np.abs(sound) > 0.01]
    assert 0.08 < np.sqrt(np.mean(spoken**2)) < 0.16
    assert np.max(np.abs(sound)) < 0.999


def test_does_not_begin_with_silence(engine: SpeechEngine) -> None:
    sound = decode(engine.speaker.say("Hello.", "en", AudioFormat.PCMU), AudioFormat.PCMU)

    assert int(np.argmax(np.abs(sound) > 0.01)) / 8 < 40


def test_speed_is_the_sessions(engine: SpeechEngine) -> None:
    usual = engine.speaker.say(TEXT, "en", AudioFormat.PCMU)
    quick = engine.speaker.say(TEXT, "en", AudioFormat.PCMU, speed=1.5)

    assert len(quick) < 0.8 * len(usual)


@pytest.mark.parametrize("text", ["", "…", "***"])
@pytest.mark.parametrize("language", ["en", "es"])
def test_nothing_to_say_is_no_error(engine: SpeechEngine, text: str, language: str) -> None:
    assert isinstance(engine.speaker.say(text, language, AudioFormat.PCMU), bytes)


def test_an_unknown_language_is_refused(engine: SpeechEngine) -> None:
    with pytest.raises(OSError, match="xx"):
        engine.speaker.say("Hello.", "xx", AudioFormat.PCMU)


async def test_is_the_voice_port(engine: SpeechEngine) -> None:
    voice: Voice = engine.voice

    pieces = [piece async for piece in voice.stream("Thank you for calling. One moment, please.", "en")]

    assert len(pieces) == 2
    assert 8_000 < sum(map(len, pieces)) < 40_000  # 1 to 5 s of µ-law
