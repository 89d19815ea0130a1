"""How long a call may last and what it may cost: one warning in words, then a polite end."""

from collections.abc import Callable

from realtime_bridge.protocol.rules import NEVER, CallRules

WARNING_MS = 60_000.0
"""Before the longest length."""
WARNING_SHARE = 0.8
"""Of the highest cost."""
PATIENCE_MS = 15_000.0
"""A sentence under way when the limit is reached is heard out for at most this long."""


class LimitWatch:
    """Times are ms of the session's clock."""

    __slots__ = ("_end", "_ends_at", "_over", "_rules", "_too_dear_at", "_usd", "_warn", "_warned")

    def __init__(self, rules: CallRules, warn: Callable[[str, float], None], end: Callable[[str, float], None]) -> None:
        self._rules = rules
        self._warn, self._end = warn, end
        self._ends_at = NEVER
        self._usd = 0.0
        self._too_dear_at: float | None = None
        self._warned = self._over = False

    def begin(self, now: float, already_ms: float) -> None:
        """The stream began; the call may be older."""
        if self._rules.max_call_ms > 0:
            self._ends_at = now + self._rules.max_call_ms - already_ms

    def spent(self, usd: float, now: float) -> None:
        """A response was billed."""
        self._usd += usd
        if 0 < self._rules.max_call_usd <= self._usd and self._too_dear_at is None:
            self._too_dear_at = now

    @property
    def _near_in_cost(self) -> bool:
        return 0 < self._rules.max_call_usd * WARNING_SHARE <= self._usd

    @property
    def _last_moment(self) -> float:
        return min(self._ends_at, NEVER if self._too_dear_at is None else self._too_dear_at)

    def due(self, *, quiet: bool) -> float:
        """When to speak up. Nobody is interrupted for a warning, and for the end only when patience is at its end."""
        if self._over:
            return NEVER
        end = self._last_moment + (0.0 if quiet else PATIENCE_MS)
        if self._warned or not quiet:
            return end
        return 0.0 if self._near_in_cost else min(end, self._ends_at - WARNING_MS)

    def tick(self, now: float, *, quiet: bool) -> None:
        """Say what is due."""
        if self.due(quiet=quiet) > now:
            return
        what = "time" if self._ends_at - WARNING_MS <= now else "cost"
        if self._last_moment + (0.0 if quiet else PATIENCE_MS) <= now:
            self._over = True
            self._end(what, now)
        elif not self._warned:
            self._warned = True
            self._warn(what, now)
