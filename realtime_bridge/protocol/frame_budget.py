"""How much a media socket may send: a token bucket, without a clock.

Twilio sends one frame of 20 ms fifty times a second, a mark or a digit now and then, and what it could not send while
the network stood still all at once. A flood is orders of magnitude faster than any of that.
"""

from collections.abc import Callable

RATE = 100.0
"""Frames a second, on average: twice what a stream has."""
BURST = 500.0
"""Frames at once: 10 s of audio held up on its way. What a flood gets in before it is cut is time that others wait."""
CREDIT = 50
"""Frames that are taken before the clock is looked at once for all of them: a second of speech."""
BYTES_PER_FRAME = 1024
"""A media frame has about 400 bytes; a larger one counts as several."""


class FrameBudget:
    """One socket's bucket, kept as the moment at which it will be full again. `clock`: seconds, any steady one."""

    __slots__ = ("_clock", "_credit", "_exhausted", "_full_at")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._full_at = 0.0
        self._credit = CREDIT
        # Once empty it stays so: a socket that floods is cut, not slowed down.
        self._exhausted = False

    def take(self, size: int) -> bool:
        """Whether a frame of `size` bytes is within the budget."""
        self._credit -= 1 + size // BYTES_PER_FRAME
        if self._credit <= 0:
            spent, self._credit = CREDIT - self._credit, CREDIT
            self.spend(spent)
        return not self._exhausted

    def spend(self, frames: int) -> bool:
        """Whether the usual frames that came since this was last said, so many, were within the budget."""
        if not self._exhausted:
            now = self._clock()
            self._full_at = max(self._full_at, now) + frames / RATE
            self._exhausted = self._full_at - now > BURST / RATE
        return not self._exhausted
