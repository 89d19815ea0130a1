"""Text to speech with Piper, piece by piece, so that the first words are heard while the rest is made."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from piper import PiperVoice as PiperModel
from piper.config import SynthesisConfig

from firstline.speech.audio import AudioFormat, Samples, encode, resample
from firstline.speech.clauses import pieces

LOUDNESS = 0.12
"""Root mean square of the spoken parts, of full scale: about -18 dBFS, usual on a telephone line."""

PEAK = 0.97
QUIET = 0.01
"""Samples below this are not counted as spoken, and at the very beginning they are left out."""

LEAD_MS = 20
"""What is kept of the silence before the first sound."""

ESPEAK_VOICES = {"en": "en-us", "es": "es-419"}
"""Language -> how espeak-ng pronounces it (es-419: Latin American Spanish)."""


@dataclass(frozen=True)
class SpokenPiece:
    """A piece of speech as it is made."""

    text: str
    data: bytes
    """In the format that was asked for."""


class Speaker:
    """Piper voices by language, in one worker thread.

    A language without a voice of its own is read by the first voice with that language's pronunciation, which is
    understandable and has the first voice's accent.
    """

    def __init__(self, voices: Mapping[str, PiperModel]) -> None:
        """`voices` maps ISO 639-1 codes; it holds at least one."""
        self._voices = dict(voices)
        self._default = next(iter(self._voices.values()))
        self._pool = ThreadPoolExecutor(1, "piper")

    async def stream(
        self, text: str, language: str, form: AudioFormat, speed: float = 1.0
    ) -> AsyncIterator[SpokenPiece]:
        """The text as sound, in pieces as they are made; closing the iterator stops after the piece being made."""
        loop = asyncio.get_running_loop()
        for piece in pieces(text):
            data = await loop.run_in_executor(self._pool, self.say, piece, language, form, speed)
            yield SpokenPiece(piece, data)

    def say(self, text: str, language: str, form: AudioFormat, speed: float = 1.0) -> bytes:
        """One piece, in the thread that calls."""
        voice = self._voice(language)
        config = SynthesisConfig(length_scale=voice.config.length_scale / speed, normalize_audio=False)
        made = [chunk.audio_float_array for chunk in voice.synthesize(text, config)]
        sound = _levelled(np.concatenate(made)) if made else np.zeros(0, np.float32)
        return encode(resample(sound, voice.config.sample_rate, form.rate), form)

    def close(self) -> None:
        """Let the worker thread end."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _voice(self, language: str) -> PiperModel:
        own = self._voices.get(language)
        if own:
            return own
        espeak = ESPEAK_VOICES.get(language, language)
        borrowed = replace(self._default, config=replace(self._default.config, espeak_voice=espeak))
        self._voices[language] = borrowed
        return borrowed


class PiperVoice:
    """The `Voice` port: G.711 µ-law at 8 kHz."""

    def __init__(self, speaker: Speaker) -> None:
        self._speaker = speaker

    async def stream(self, text: str, language: str) -> AsyncIterator[bytes]:
        """µ-law pieces as they are made."""
        async for piece in self._speaker.stream(text, language, AudioFormat.PCMU):
            yield piece.data


def _levelled(sound: Samples) -> Samples:
    """The sound at the usual loudness, without the silence before it."""
    spoken = np.flatnonzero(np.abs(sound) > QUIET)
    if not len(spoken):
        return sound
    loudness = float(np.sqrt(np.mean(np.square(sound[spoken]))))
    lead = LEAD_MS * 22
    levelled: Samples = np.clip(sound[max(0, spoken[0] - lead) :] * (LOUDNESS / loudness), -PEAK, PEAK)
    return levelled
