"""Recordings written down over HTTP, by OpenAI's own client."""

import io
from collections.abc import AsyncIterator, Callable

import httpx
import numpy as np
import pytest
import soundfile
from openai import AsyncOpenAI, AuthenticationError, BadRequestError

from firstline.adapters.transcription import OpenAITranscription
from firstline.domain.refusal import normalise
from firstline.ports import PortError, Rejected
from firstline.speech.audio import AudioFormat, decode
from firstline.speech.engine import SpeechEngine
from firstline.speech.server import SpeechServer, serve
from realtime_bridge.recording import wav

pytestmark = pytest.mark.integration

QUESTION = "How long is an invitation valid?"


@pytest.fixture(scope="module")
def recording(say: Callable[[str], bytes]) -> bytes:
    """A WAV file with µ-law inside, as a telephone's."""
    file = io.BytesIO()
    soundfile.write(file, decode(say(QUESTION), AudioFormat.PCMU), 8000, "ULAW", format="WAV")
    return file.getvalue()


@pytest.fixture
async def client(server: SpeechServer) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(api_key="any", base_url=server.http_url, max_retries=0) as client:
        yield client


async def test_a_recording_is_written_down(client: AsyncOpenAI, recording: bytes) -> None:
    found = await client.audio.transcriptions.create(
        model="whisper-1", file=("turn.wav", recording), language="en", include=["logprobs"]
    )

    assert normalise(found.text) == normalise(QUESTION)
    assert found.logprobs
    assert all(-1 < (each.logprob or 0) <= 0 for each in found.logprobs)


async def test_in_detail(client: AsyncOpenAI, recording: bytes) -> None:
    found = await client.audio.transcriptions.create(
        model="whisper-1", file=("turn.wav", recording), response_format="verbose_json"
    )

    assert normalise(found.text) == normalise(QUESTION)
    assert 1 < float(found.duration) < 4
    assert found.segments
    assert found.segments[0].no_speech_prob < 0.5


async def test_silence_has_no_words(client: AsyncOpenAI) -> None:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(8000, np.float32), 8000, format="WAV")

    found = await client.audio.transcriptions.create(model="whisper-1", file=("turn.wav", file.getvalue()))

    assert found.text == ""


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"file": ("turn.wav", b"no sound")}, "WAV, FLAC"),
        ({"language": "xx"}, "language 'xx'"),
        ({"response_format": "srt"}, "response_format"),
    ],
)
async def test_what_is_wrong_is_named(
    client: AsyncOpenAI, recording: bytes, changes: dict[str, object], named: str
) -> None:
    asked: dict[str, object] = {"model": "whisper-1", "file": ("turn.wav", recording), **changes}

    with pytest.raises(BadRequestError, match=named):
        await client.audio.transcriptions.create(**asked)  # type: ignore[call-overload]


async def test_the_key_is_the_sessions_own(engine: SpeechEngine, recording: bytes) -> None:
    server = await serve(engine, api_key="secret")
    try:
        async with AsyncOpenAI(api_key="guess", base_url=server.http_url, max_retries=0) as client:
            with pytest.raises(AuthenticationError):
                await client.audio.transcriptions.create(model="whisper-1", file=("turn.wav", recording))
    finally:
        await server.close()


async def test_the_stages_of_a_turn_are_among_the_metrics(server: SpeechServer) -> None:
    async with httpx.AsyncClient() as client:
        told = await client.get(f"http://{server.host}:{server.port}/metrics")

    assert "firstline_speech_stage_ms" in told.text


class TestAdapter:
    async def test_what_the_bridge_recorded_is_written_down(
        self, server: SpeechServer, say: Callable[[str], bytes]
    ) -> None:
        transcription = OpenAITranscription(server.http_url, "any", "whisper-1")

        words = await transcription.words(wav(say(QUESTION)), "en")
        await transcription.aclose()

        assert normalise(words) == normalise(QUESTION)

    async def test_nobody_there_and_what_is_no_recording(self, server: SpeechServer) -> None:
        nobody = OpenAITranscription("http://127.0.0.1:9/v1", "any", "whisper-1")
        transcription = OpenAITranscription(server.http_url, "any", "whisper-1")

        with pytest.raises(PortError, match="cannot be reached"):
            await nobody.words(wav(b""), "en")
        with pytest.raises(Rejected, match="400"):
            await transcription.words(b"no recording", "en")
        await transcription.aclose()
