"""Silence while an answer is owed: a filler breaks it, and if nothing follows, a person is asked for.

Silence is counted in the caller's ear: from the later of the moment the wait began (end of speech detected, or a
tool's answer) and the end of whatever audio was sent, by the clock that playback keeps.
"""

from enum import Enum, auto

from realtime_bridge.protocol.rules import NEVER, CallRules


class Due(Enum):
    """What silence calls for."""

    NOTHING = auto()
    FILLER = auto()
    LIVE_LINE = auto()


class DeadAir:
    """The clock of one call's waits. Times are ms of the session's clock."""

    __slots__ = ("_filled", "_filler_at", "_has_fillers", "_rules", "_since", "_tool_since")

    def __init__(self, rules: CallRules, *, has_fillers: bool) -> None:
        self._rules = rules
        self._has_fillers = has_fillers and rules.filler_after_ms > 0
        self._since: float | None = None
        self._filler_at: float | None = None
        self._filled = False
        self._tool_since: float | None = None

    def wait(self, *, owed: bool, tool: bool, now: float) -> None:
        """Say whether an answer is owed and whether a tool works on it, after every event."""
        if not owed:
            self._since = None
        elif self._since is None:
            self._since, self._filled = now, False
        if not tool:
            self._tool_since = None
        elif self._tool_since is None:
            self._tool_since = now

    def answered(self) -> None:
        """The model speaks: what is silent after this is another wait."""
        self._filled = False

    def filled(self, now: float) -> None:
        """A filler was sent."""
        self._filled, self._filler_at = True, now

    def due(self, quiet_at: float) -> tuple[float, Due]:
        """The next moment to act and what to do then. `quiet_at`: when everything sent so far will have been heard."""
        if self._since is None:
            return NEVER, Due.NOTHING
        quiet = max(self._since, quiet_at)
        filler, live_line = self._next_filler(quiet), self._live_line(quiet)
        return (filler, Due.FILLER) if filler <= live_line else (live_line, Due.LIVE_LINE)

    def _next_filler(self, quiet: float) -> float:
        last = self._tool_since is None and self._rules.live_line_after_ms > 0
        if not self._has_fillers or (self._filled and last):
            return NEVER
        earliest = 0.0 if self._filler_at is None else self._filler_at + self._rules.filler_every_ms
        return max(quiet + self._rules.filler_after_ms, earliest if self._filled else 0.0)

    def _live_line(self, quiet: float) -> float:
        if self._rules.live_line_after_ms <= 0:
            return NEVER
        if not self._filled and self._has_fillers and self._rules.filler_after_ms <= self._rules.live_line_after_ms:
            return NEVER  # the filler comes first
        at = quiet + self._rules.live_line_after_ms
        return at if self._tool_since is None else max(at, self._tool_since + self._rules.slow_tool_ms)
