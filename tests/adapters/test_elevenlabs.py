"""ElevenLabs as the voice, over its WebSocket protocol, against a server on loopback that really speaks."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest
from prometheus_client import REGISTRY

from firstline.adapters.elevenlabs import ElevenLabsSpeaker
from firstline.simulators.elevenlabs import ElevenLabs
from firstline.speech.audio import AudioFormat, Samples, decode
from firstline.speech.speak import Clauses, LocalSpeaker, SpokenPiece, whole
from firstline.speech.steady import SteadySpeaker, VoiceFailed
from tests.simulators.serving import Slot, serving

CLAUSES = ["An invitation is valid for seven days.", "After that, an administrator can send a new one."]
TEXT = " ".join(CLAUSES)


class Beeps:
    """A local voice: 20 ms a letter, and it remembers what it was asked to say."""

    rate = 8000

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str, language: str, speed: float) -> Samples:
        self.said.append(text)
        return np.full(160 * len(text), 0.1, np.float32)


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[tuple[Slot, str]]:
    slot = Slot()
    async with serving(slot) as url:
        yield slot, url.replace("http", "ws", 1)


@pytest.fixture
async def service(served: tuple[Slot, str]) -> AsyncIterator[ElevenLabs]:
    service = ElevenLabs(api_key="secret")
    async with served[0].holding(service.app()):
        yield service


@pytest.fixture
def speaker(served: tuple[Slot, str], service: ElevenLabs) -> ElevenLabsSpeaker:
    return ElevenLabsSpeaker("secret", "george", "eleven_turbo_v2_5", served[1])


def clauses(*texts: str) -> Clauses:
    words = Clauses(*texts)
    words.end()
    return words


async def said(speaker: ElevenLabsSpeaker | SteadySpeaker, *texts: str) -> list[SpokenPiece]:
    return [piece async for piece in speaker.stream(clauses(*texts), "en", AudioFormat.PCMU)]


class TestVoice:
    async def test_speaks_what_it_is_given_in_the_phones_own_format(
        self, speaker: ElevenLabsSpeaker, service: ElevenLabs
    ) -> None:
        pieces = await said(speaker, *CLAUSES)

        assert " ".join(piece.text for piece in pieces if piece.text) == TEXT
        sound = decode(b"".join(piece.data for piece in pieces), AudioFormat.PCMU)
        assert 4 < len(sound) / 8000 < 12
        assert float(np.sqrt(np.mean(sound**2))) > 0.02
        [query] = service.queries
        assert (query["output_format"], query["model_id"], query["language_code"]) == (
            "ulaw_8000",
            "eleven_turbo_v2_5",
            "en",
        )

    async def test_begins_before_the_answer_is_all_written(self, speaker: ElevenLabsSpeaker) -> None:
        words = Clauses(CLAUSES[0])
        pieces = speaker.stream(words, "en", AudioFormat.PCMU)

        first = await anext(pieces)
        words.add(CLAUSES[1])
        words.end()
        rest = [piece async for piece in pieces]

        assert first.data
        assert " ".join([first.text, *(piece.text for piece in rest if piece.text)]) == TEXT

    async def test_a_words_text_is_never_cut_in_two(self, speaker: ElevenLabsSpeaker) -> None:
        pieces = await said(speaker, TEXT)

        assert all(word in TEXT.split() for piece in pieces for word in piece.text.split())

    async def test_without_timing_the_words_are_told_all_the_same(
        self, speaker: ElevenLabsSpeaker, service: ElevenLabs
    ) -> None:
        service.aligned = False

        pieces = await said(speaker, *CLAUSES)

        assert " ".join(piece.text for piece in pieces if piece.text) == TEXT

    async def test_who_stops_listening_leaves_the_connection(
        self, speaker: ElevenLabsSpeaker, service: ElevenLabs
    ) -> None:
        pieces = speaker.stream(Clauses(TEXT), "en", AudioFormat.PCMU)
        await anext(pieces)

        await pieces.aclose()

        await asyncio.wait_for(service.closed.wait(), 5)

    async def test_a_prepared_connection_is_used(self, speaker: ElevenLabsSpeaker, service: ElevenLabs) -> None:
        speaker.prepare("en", AudioFormat.PCMU)

        await said(speaker, TEXT)
        speaker.close()

        assert len(service.queries) == 1


class TestFailures:
    async def test_a_wrong_key(self, served: tuple[Slot, str], service: ElevenLabs) -> None:
        speaker = ElevenLabsSpeaker("wrong", "george", "eleven_turbo_v2_5", served[1])

        with pytest.raises(VoiceFailed, match="invalid_api_key"):
            await said(speaker, TEXT)

    async def test_nobody_there(self) -> None:
        speaker = ElevenLabsSpeaker("secret", "george", "eleven_turbo_v2_5", "ws://127.0.0.1:9")

        with pytest.raises(VoiceFailed, match="unreachable"):
            await said(speaker, TEXT)

    async def test_silence(
        self, speaker: ElevenLabsSpeaker, service: ElevenLabs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("firstline.adapters.elevenlabs.WAIT_SECONDS", 0.1)
        service.first_byte_ms = 2000

        with pytest.raises(VoiceFailed, match="timeout"):
            await said(speaker, TEXT)


class TestSteadySpeaker:
    @pytest.mark.parametrize("breaks_after", [0, 1, 4, 9])
    async def test_the_local_voice_says_the_rest_and_no_word_twice(
        self, speaker: ElevenLabsSpeaker, service: ElevenLabs, breaks_after: int
    ) -> None:
        service.breaks_after, beeps = breaks_after, Beeps()
        counted = REGISTRY.get_sample_value("firstline_voice_fallbacks_total", {"why": "closed_1011"}) or 0

        pieces = await said(SteadySpeaker(speaker, LocalSpeaker({}, beeps)), *CLAUSES)

        assert " ".join(piece.text for piece in pieces if piece.text) == TEXT
        assert beeps.said
        assert TEXT.endswith(" ".join(beeps.said))
        now = REGISTRY.get_sample_value("firstline_voice_fallbacks_total", {"why": "closed_1011"})
        assert now == counted + 1

    async def test_what_is_written_after_the_failure_is_said_too(self, service: ElevenLabs) -> None:
        beeps, words = Beeps(), Clauses(CLAUSES[0])
        nobody = ElevenLabsSpeaker("secret", "george", "eleven_turbo_v2_5", "ws://127.0.0.1:9")
        pieces = SteadySpeaker(nobody, LocalSpeaker({}, beeps)).stream(words, "en", AudioFormat.PCMU)

        await anext(pieces)
        words.add(CLAUSES[1])
        words.end()
        _ = [piece async for piece in pieces]

        assert " ".join(beeps.said) == TEXT

    async def test_a_voice_that_works_is_left_alone(self, speaker: ElevenLabsSpeaker) -> None:
        beeps = Beeps()

        await said(SteadySpeaker(speaker, LocalSpeaker({}, beeps)), TEXT)

        assert beeps.said == []


async def test_it_speaks_a_text_that_is_whole_already(speaker: ElevenLabsSpeaker) -> None:
    pieces = [piece async for piece in speaker.stream(whole(TEXT), "en", AudioFormat.PCM)]

    assert sum(len(piece.data) for piece in pieces) > 48 * 3000
