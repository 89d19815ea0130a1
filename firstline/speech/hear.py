"""The caller's sound: kept while it may still be needed, and listened to for the marks of a turn."""

from collections import deque
from collections.abc import Callable

import numpy as np

from firstline.speech.audio import MODEL_RATE, AudioFormat, LiveResampler, Samples, decode
from firstline.speech.config import Refused
from firstline.speech.detect import FRAME_MS, Heard, TurnDetector, TurnSettings

FRAME_SAMPLES = MODEL_RATE * FRAME_MS // 1000
"""Samples at 16 kHz in a frame of the detector."""

LONGEST_MS = 10 * 60_000
"""The most that a client may append without committing, ms."""

SpeechProbability = Callable[[Samples], float]
"""`FRAME_SAMPLES` samples at 16 kHz -> probability of speech, 0..1. Remembers earlier frames."""


class CallerAudio:
    """The input audio buffer. Positions are ms since the session's first sound."""

    def __init__(self, form: AudioFormat, settings: TurnSettings | None, probability: SpeechProbability) -> None:
        self.form = form
        self._probability = probability
        self._pieces: deque[Samples] = deque()
        self._samples_before = 0
        self._samples = 0
        self._resampler = LiveResampler(form.rate, MODEL_RATE)
        self._frame: Samples = np.zeros(0, np.float32)
        self._detector = TurnDetector(settings) if settings else None

    @property
    def now_ms(self) -> int:
        """Length of all that was ever appended."""
        return self._ms(self._samples)

    @property
    def start_ms(self) -> int:
        """Where what is kept begins."""
        return self._ms(self._samples_before)

    def append(self, data: bytes) -> list[Heard]:
        """Take sound of the wire; returns what it changed. Raises `Refused`."""
        try:
            samples = decode(data, self.form)
        except ValueError as error:
            raise Refused("invalid_value", str(error), "audio") from None
        if self.now_ms - self.start_ms > LONGEST_MS:
            raise Refused("input_audio_buffer_full", f"more than {LONGEST_MS // 60_000} minutes uncommitted", "audio")
        self._pieces.append(samples)
        self._samples += len(samples)
        if self._detector is None:
            return []
        marks = self._detect(samples)
        if not self._detector.speaking:
            # One second more than the padding: the onset itself takes a few frames.
            self.drop_before(self.now_ms - self._detector.settings.prefix_padding_ms - 1000)
        return marks

    def cut(self, from_ms: int, to_ms: int) -> Samples:
        """The sound between two positions, at the format's rate; what is no longer kept is left out."""
        first = max(0, self._at(from_ms) - self._samples_before)
        whole = np.concatenate(self._pieces) if self._pieces else np.zeros(0, np.float32)
        return whole[first : max(first, self._at(to_ms) - self._samples_before)]

    def drop_before(self, at_ms: int) -> None:
        """Let go of older sound, in whole pieces."""
        while self._pieces and self._samples_before + len(self._pieces[0]) <= self._at(at_ms):
            self._samples_before += len(self._pieces.popleft())

    def clear(self) -> None:
        """Let go of everything and of the turn under way; positions go on counting."""
        self._pieces.clear()
        self._samples_before = self._samples
        if self._detector:
            self._detector.reset()

    def listen(self, settings: TurnSettings | None) -> None:
        """From now on detect turns so; None does not detect them."""
        if settings is None or self._detector is None:
            self._detector = TurnDetector(settings, start_ms=self.now_ms) if settings else None
            return
        self._detector.settings = settings

    def _detect(self, samples: Samples) -> list[Heard]:
        assert self._detector is not None
        self._frame = np.concatenate([self._frame, self._resampler.feed(samples)])
        marks: list[Heard] = []
        while len(self._frame) >= FRAME_SAMPLES:
            frame, self._frame = self._frame[:FRAME_SAMPLES], self._frame[FRAME_SAMPLES:]
            heard = self._detector.feed(self._probability(frame))
            if heard:
                marks.append(heard)
        return marks

    def _ms(self, samples: int) -> int:
        return samples * 1000 // self.form.rate

    def _at(self, ms: int) -> int:
        return max(0, ms) * self.form.rate // 1000
