"""How much a media socket may send: a token bucket, without a clock.

Twilio sends one frame of 20 ms fifty times a second, a mark or a digit now and then, and what it could not send while
the network stood still all at once. A flood is orders of magnitude faster than any of that.
"""

RATE = 100.0
"""Frames a second, on average: twice what a stream has."""
BURST = 500.0
"""Frames at once: 10 s of audio held up on its way. What a flood gets in before it is cut is time that others wait."""
BYTES_PER_FRAME = 1024
"""A media frame has about 400 bytes; a larger one counts as several."""


class FrameBudget:
    """One socket's bucket, kept as the moment at which it will be full again. Times are seconds of any steady clock."""

    __slots__ = ("_full_at", "exhausted")

    def __init__(self) -> None:
        self._full_at = 0.0
        self.exhausted = False
        """Once empty it stays so: a socket that floods is cut, not slowed down."""

    def take(self, size: int, now: float) -> bool:
        """Whether a frame of `size` bytes is within the budget."""
        if self.exhausted:
            return False
        full_at = self._full_at if self._full_at > now else now
        self._full_at = full_at + (1 + size // BYTES_PER_FRAME) / RATE
        self.exhausted = self._full_at - now > BURST / RATE
        return not self.exhausted
