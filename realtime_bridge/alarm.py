"""One timer a call: wakes the session at the moment it names."""

import asyncio
from collections.abc import Callable

from realtime_bridge.protocol.rules import NEVER

SLACK_MS = 200.0
"""A moment that is put off by no more is rung for too early, and again when it has come."""


class Alarm:
    """Set anew for an earlier moment, or for one that is much later: to wake for nothing costs several times what it
    costs to re-arm, and to re-arm with every event more than that. Times are ms of the loop's clock.
    """

    __slots__ = ("_at", "_loop", "_ring", "_timer")

    def __init__(self, ring: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._ring = ring
        self._timer: asyncio.TimerHandle | None = None
        self._at = NEVER

    def set(self, at: float) -> None:
        """Ring at this moment, or up to `SLACK_MS` before it; `NEVER` asks for nothing."""
        if at < self._at or at - self._at > SLACK_MS:
            self.off()
            if at < NEVER:
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
