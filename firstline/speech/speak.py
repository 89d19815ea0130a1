"""Text to speech, piece by piece, so that the first words are heard while the rest is made."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from piper import PiperVoice as PiperModel
from piper.config import SynthesisConfig

from firstline.speech.audio import AudioFormat, Samples, encode, resample
from firstline.speech.clauses import Pieces
from firstline.speech.formant import formant_voice

LOUDNESS = 0.12
"""Root mean square of the spoken parts, of full scale: about -18 dBFS, usual on a telephone line."""

PEAK = 0.97
QUIET = 0.01
"""Samples below this are not counted as spoken, and at the very beginning they are left out."""

LEAD_MS = 20
"""What is kept of the silence before the first sound."""


class Synthesiser(Protocol):
    """A voice."""

    rate: int
    """Hz of what it makes."""

    def say(self, text: str, language: str, speed: float) -> Samples:
        """The whole text as sound; called from one thread at a time. `speed` 1.0 is the voice's own pace."""
        ...


class PiperSynthesiser:
    """A Piper voice; it speaks the one language that it was trained on, whatever is asked for."""

    def __init__(self, model: PiperModel) -> None:
        self._model = model
        self.rate = int(model.config.sample_rate)

    def say(self, text: str, language: str, speed: float) -> Samples:
        """The text as sound; nothing for a text without words."""
        config = SynthesisConfig(length_scale=self._model.config.length_scale / speed, normalize_audio=False)
        made = [chunk.audio_float_array for chunk in self._model.synthesize(text, config)]
        return np.concatenate(made) if made else np.zeros(0, np.float32)


@dataclass(frozen=True)
class SpokenPiece:
    """A piece of speech as it is made."""

    text: str
    data: bytes
    """In the format that was asked for."""


class Speaker(Protocol):
    """Speaks answers while they are still being written."""

    def stream(
        self, words: AsyncIterator[str], language: str, form: AudioFormat, speed: float = 1.0
    ) -> AsyncGenerator[SpokenPiece]:
        """The clauses of one answer as sound, in pieces as they are made; closing the iterator stops the work."""
        ...

    def prepare(self, language: str, form: AudioFormat) -> None:
        """An answer will be spoken in a moment."""
        ...

    def close(self) -> None:
        """Give everything back."""
        ...


class LocalSpeaker:
    """Voices of this machine by language, in one worker thread."""

    def __init__(self, voices: Mapping[str, PiperModel], other: Synthesiser | None = None) -> None:
        """`voices` maps ISO 639-1 codes; `other`, eSpeak NG by default, speaks every language that they do not."""
        self._voices = {language: PiperSynthesiser(model) for language, model in voices.items()}
        self._other = other or formant_voice()
        self._pool = ThreadPoolExecutor(1, "voice")

    async def stream(
        self, words: AsyncIterator[str], language: str, form: AudioFormat, speed: float = 1.0
    ) -> AsyncGenerator[SpokenPiece]:
        """The text as sound, in pieces as they are made; closing the iterator stops after the piece being made."""
        loop, cut = asyncio.get_running_loop(), Pieces()
        async for text in words:
            for piece in cut.of(text):
                data = await loop.run_in_executor(self._pool, self.say, piece, language, form, speed)
                yield SpokenPiece(piece, data)

    def prepare(self, language: str, form: AudioFormat) -> None:
        """The models are warm already."""

    def say(self, text: str, language: str, form: AudioFormat, speed: float = 1.0) -> bytes:
        """One piece, in the thread that calls."""
        voice: Synthesiser = self._voices.get(language, self._other)
        sound = _levelled(voice.say(text, language, speed), voice.rate)
        return encode(resample(sound, voice.rate, form.rate), form)

    def close(self) -> None:
        """Let the worker thread end."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class SpeakerVoice:
    """The `Voice` port: G.711 µ-law at 8 kHz."""

    def __init__(self, speaker: Speaker) -> None:
        self._speaker = speaker

    async def stream(self, text: str, language: str) -> AsyncIterator[bytes]:
        """µ-law pieces as they are made."""
        async for piece in self._speaker.stream(whole(text), language, AudioFormat.PCMU):
            yield piece.data


class Clauses(AsyncIterator[str]):
    """What one answer says, as it becomes known: whoever reads may stop, and another go on from there."""

    def __init__(self, *first: str) -> None:
        self._coming: asyncio.Queue[str | None] = asyncio.Queue()
        self._ended = False
        for text in first:
            self.add(text)

    def add(self, text: str) -> None:
        """The next clause."""
        self._coming.put_nowait(text)

    def end(self) -> None:
        """There is no more."""
        self._coming.put_nowait(None)

    async def __anext__(self) -> str:
        text = None if self._ended else await self._coming.get()
        if text is None:
            self._ended = True
            raise StopAsyncIteration
        return text


async def whole(text: str) -> AsyncIterator[str]:
    """A text that is there already, as `Speaker.stream` takes it."""
    yield text


def _levelled(sound: Samples, rate: int) -> Samples:
    """The sound at the usual loudness, without the silence before it."""
    spoken = np.flatnonzero(np.abs(sound) > QUIET)
    if not len(spoken):
        return sound
    loudness = float(np.sqrt(np.mean(np.square(sound[spoken]))))
    start = max(0, int(spoken[0]) - LEAD_MS * rate // 1000)
    levelled: Samples = np.clip(sound[start:] * (LOUDNESS / loudness), -PEAK, PEAK)
    return levelled
