"""The caller's keys: 0 by itself asks for a person, everything else is gathered and handed on together."""

from collections.abc import Callable

from realtime_bridge.protocol.rules import NEVER

PAUSE_MS = 2000.0
"""After the last key the number is taken for complete."""
MOST_DIGITS = 32
"""Longer than any card or account number; whoever goes on pressing is not entering one."""


class Keypad:
    """Times are ms of the session's clock. The digits are nobody's business but the model's: they enter no log."""

    __slots__ = ("_digits", "_last_at", "_person", "_typed")

    def __init__(self, person: Callable[[float], None], typed: Callable[[str, float], None]) -> None:
        self._person = person
        self._typed = typed
        self._digits = ""
        self._last_at = 0.0

    @property
    def due(self) -> float:
        """When what was pressed so far is complete."""
        return self._last_at + PAUSE_MS if self._digits else NEVER

    def pressed(self, digit: str, now: float) -> None:
        """One key; `#` completes the number."""
        if digit == "0" and not self._digits:
            self._person(now)
        elif digit == "#":
            self._complete(now)
        else:
            self._digits, self._last_at = self._digits + digit[:1], now
            if len(self._digits) >= MOST_DIGITS:
                self._complete(now)

    def tick(self, now: float) -> None:
        """The pause after the last key may be over."""
        if self.due <= now:
            self._complete(now)

    def _complete(self, now: float) -> None:
        digits, self._digits = self._digits, ""
        if digits:
            self._typed(digits, now)
