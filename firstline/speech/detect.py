"""Where a caller's turn begins and ends, from the probability of speech in each frame.

Knows no sound and no clock: a frame is a number, time is counted in frames of 32 ms.
"""

from dataclasses import dataclass
from enum import Enum, auto

FRAME_MS = 32
"""Length of one frame of the detector, ms (512 samples at 16 kHz)."""

ONSET_FRAMES = 3
"""Frames of speech in a row that begin a turn: a click or a cough of 90 ms must not cut the agent off."""

HYSTERESIS = 0.15
"""Speech goes on until the probability falls this far below the threshold that began it."""

PAUSE_MS = 200
"""Silence after which the turn has perhaps ended: work may begin, nothing may be said."""


@dataclass(frozen=True)
class TurnSettings:
    """`server_vad` of the Realtime protocol; its defaults."""

    threshold: float = 0.5
    prefix_padding_ms: int = 300
    silence_duration_ms: int = 500


class Mark(Enum):
    """What a frame changed."""

    STARTED = auto()
    """The caller speaks; `at_ms` is where the speech began."""
    PAUSED = auto()
    """The caller perhaps has finished; `at_ms` is now."""
    RESUMED = auto()
    """The caller had not finished; `at_ms` is now."""
    STOPPED = auto()
    """The turn is over; `at_ms` is now, the silence that ended it included."""


@dataclass(frozen=True)
class Heard:
    """One change, and where in the session's audio it lies."""

    mark: Mark
    at_ms: int


class TurnDetector:
    """Turns frame probabilities into the marks of a turn, in the order started (paused resumed)* paused stopped."""

    def __init__(self, settings: TurnSettings, start_ms: int = 0) -> None:
        self.settings = settings
        self.speaking = False
        self._now = start_ms
        self._onset = 0
        self._silence_ms = 0
        self._paused = False

    def feed(self, probability: float) -> Heard | None:
        """Take the next frame's probability of speech, 0..1."""
        self._now += FRAME_MS
        return self._while_speaking(probability) if self.speaking else self._while_silent(probability)

    def reset(self) -> None:
        """Forget the turn under way; the position in the audio stays."""
        self.speaking, self._paused, self._onset, self._silence_ms = False, False, 0, 0

    def _while_silent(self, probability: float) -> Heard | None:
        self._onset = self._onset + 1 if probability >= self.settings.threshold else 0
        if self._onset < ONSET_FRAMES:
            return None
        self.reset()
        self.speaking = True
        return Heard(Mark.STARTED, self._now - ONSET_FRAMES * FRAME_MS)

    def _while_speaking(self, probability: float) -> Heard | None:
        if probability >= self.settings.threshold - HYSTERESIS:
            self._silence_ms = 0
            resumed, self._paused = self._paused, False
            return Heard(Mark.RESUMED, self._now) if resumed else None
        self._silence_ms += FRAME_MS
        if self._silence_ms >= self.settings.silence_duration_ms and self._paused:
            self.reset()
            return Heard(Mark.STOPPED, self._now)
        if self._silence_ms >= min(PAUSE_MS, self.settings.silence_duration_ms) and not self._paused:
            self._paused = True
            return Heard(Mark.PAUSED, self._now)
        return None
