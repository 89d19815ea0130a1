"""Whisper, made quick for short turns, in one worker thread."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import ctranslate2
import numpy as np
import structlog
from faster_whisper import WhisperModel
from faster_whisper.audio import pad_or_trim
from faster_whisper.tokenizer import Tokenizer

from firstline.domain.language import SUPPORTED
from firstline.speech.audio import MODEL_RATE, Samples, resample
from firstline.speech.transcript import Transcript

FRAMES_A_SECOND = 100
"""Whisper's spectrogram frames."""

WINDOW_FRAMES, WINDOW_SECONDS = 3000, 29
"""The 30 s that Whisper was trained to look at; a longer sound is cut into parts of 29 s at most."""

CUT_WITHIN_SECONDS = 8
"""Such a part ends at the quietest moment of its last seconds."""

TAIL_FRAMES = 1000
"""Silence shown after a short turn. A window of turn + 10 s is read three times as fast as one of 30 s, with no more
wrong words; with only 5 s after it, the model loops on one short turn in six."""

TOKENS_A_SECOND, TOKENS_AT_LEAST = 8, 16
"""As many tokens as this in a short window are a loop, not speech: the turn is read again in the full window."""

SILENT, UNLIKELY = 0.6, -1.0
"""Whisper's own rule: a `no_speech` above and a mean log probability below mean that nobody spoke."""

log = structlog.get_logger()


class Transcriber:
    """Writes down one stretch of sound at a time; others wait their turn in order."""

    def __init__(self, model: WhisperModel) -> None:
        self._model = model
        self._pool = ThreadPoolExecutor(1, "whisper")
        self._waiting = 0

    @property
    def languages(self) -> frozenset[str] | None:
        """ISO 639-1 codes it understands; None for every one."""
        return None if self._model.model.is_multilingual else frozenset({"en"})

    @property
    def busy(self) -> bool:
        """Something is being transcribed or waits for it."""
        return self._waiting > 0

    async def transcribe(self, samples: Samples, rate: int, language: str | None, prompt: str = "") -> Transcript:
        """The words in a sound. `language` None lets a multilingual model choose among the supported ones."""
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, self.read, samples, rate, language, prompt)
        finally:
            self._waiting -= 1

    def read(self, samples: Samples, rate: int, language: str | None, prompt: str = "") -> Transcript:
        """The same, in the thread that calls."""
        started = time.perf_counter()
        sound = resample(samples, rate, MODEL_RATE)
        seconds = len(sound) / MODEL_RATE
        read = self._read if seconds <= WINDOW_SECONDS else self._read_long
        transcript = read(sound, language, prompt)
        took = round((time.perf_counter() - started) * 1000)
        log.debug("transcribed", audio_ms=round(seconds * 1000), took_ms=took, logprob=round(transcript.logprob, 2))
        return transcript

    def close(self) -> None:
        """Let the worker thread end."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _read(self, sound: Samples, language: str | None, prompt: str) -> Transcript:
        features = self._model.feature_extractor(sound)
        seconds = len(sound) / MODEL_RATE
        limit = TOKENS_AT_LEAST + int(seconds * TOKENS_A_SECOND)
        transcript, tokens = self._generate(features, features.shape[1] + TAIL_FRAMES, limit, language, prompt)
        if tokens >= limit or repeats(transcript.text):
            transcript, tokens = self._generate(features, WINDOW_FRAMES, 2 * limit, language, prompt)
            if tokens >= 2 * limit:
                log.warning("transcript_looped", audio_ms=round(seconds * 1000))
                return Transcript("", transcript.language, transcript.logprob, transcript.no_speech)
        return transcript

    def _generate(
        self, features: Samples, frames: int, limit: int, language: str | None, prompt: str
    ) -> tuple[Transcript, int]:
        # The encoder halves the number of frames, so it must be even.
        window = pad_or_trim(features, min(WINDOW_FRAMES, frames + frames % 2))
        encoded = self._model.model.encode(ctranslate2.StorageView.from_array(np.ascontiguousarray(window[None])))
        code = language or self._detect_language(encoded)
        multilingual = self._model.model.is_multilingual
        tokenizer = Tokenizer(self._model.hf_tokenizer, multilingual, task="transcribe", language=code)
        previous = tokenizer.encode(f" {prompt.strip()}") if prompt else []
        start = self._model.get_prompt(tokenizer, previous, without_timestamps=True)
        result = self._model.model.generate(
            encoded,
            [start],
            beam_size=1,
            # CTranslate2 makes at most half of `max_length`, and at most what the prompt leaves of it.
            max_length=limit + max(limit, len(start)),
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        tokens = result.sequences_ids[0]
        transcript = _judged(tokenizer.decode(tokens), code, result.scores[0], result.no_speech_prob)
        return transcript, len(tokens)

    def _detect_language(self, encoded: ctranslate2.StorageView) -> str:
        if not self._model.model.is_multilingual:
            return "en"
        chances = {token[2:-2]: chance for token, chance in self._model.model.detect_language(encoded)[0]}
        return max(SUPPORTED, key=lambda code: chances.get(code, 0.0))

    def _read_long(self, sound: Samples, language: str | None, prompt: str) -> Transcript:
        """More than a window: part by part."""
        parts = [self._read(part, language, prompt) for part in parts_of(sound)]
        spoken = [part for part in parts if part.text] or parts[:1]
        logprob = sum(part.logprob for part in spoken) / len(spoken)
        silence = min(part.no_speech for part in spoken)
        return Transcript(" ".join(part.text for part in spoken), spoken[0].language, logprob, silence)


def parts_of(sound: Samples) -> list[Samples]:
    """A long sound (16 kHz) in parts that fit Whisper's window, cut where it is quietest."""
    parts = []
    while len(sound) > WINDOW_SECONDS * MODEL_RATE:
        earliest = (WINDOW_SECONDS - CUT_WITHIN_SECONDS) * MODEL_RATE
        searched = sound[earliest : WINDOW_SECONDS * MODEL_RATE]
        frame = MODEL_RATE // 10
        loudness = np.square(searched[: len(searched) // frame * frame]).reshape(-1, frame).mean(axis=1)
        cut = earliest + int(np.argmin(loudness)) * frame + frame // 2
        parts.append(sound[:cut])
        sound = sound[cut:]
    return [*parts, sound]


def repeats(text: str) -> bool:
    """Whether a text begins by saying the same words twice: a loop, or a caller who did so."""
    words = [word.strip(".,!?").lower() for word in text.split()]
    return any(words[:size] == words[size : 2 * size] for size in range(1, len(words) // 2 + 1))


def _judged(text: str, language: str, logprob: float, no_speech: float) -> Transcript:
    silent = no_speech > SILENT and logprob < UNLIKELY
    spoken = not silent and any(letter.isalnum() for letter in text)
    return Transcript(text.strip() if spoken else "", language, logprob, no_speech)
