"""One timer a call: wakes the session at the moment it names."""

import asyncio
from collections.abc import Callable

from realtime_bridge.protocol.rules import NEVER


class Alarm:
    """Set anew only for an earlier moment: to wake too early costs less than to re-arm with every event.

    Times are ms of the loop's clock.
    """

    def __init__(self, ring: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._ring = ring
        self._timer: asyncio.TimerHandle | None = None
        self._at = NEVER

    def set(self, at: float) -> None:
        """Ring at this moment at the latest; `NEVER` asks for nothing."""
        if at < self._at:
            self.off()
            self._at = at
            self._timer = self._loop.call_at(at / 1000, self._due)

    def _due(self) -> None:
        self._timer, self._at = None, NEVER
        self._ring()

    def off(self) -> None:
        """Ring no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer, self._at = None, NEVER
