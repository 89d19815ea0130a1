"""Whether a model session that owes the call something is alive: once its answer is late, a ping asks.

A session that thinks slowly answers the ping, and nothing happens. While nothing is owed nobody is in a hurry: the
socket itself looks after that, see `realtime_bridge.model_link`. Times are ms of the session's clock.
"""

from realtime_bridge.protocol.commands import AskIfAlive, Command, LaneFault
from realtime_bridge.protocol.faults import HUNG
from realtime_bridge.protocol.rules import NEVER

ASK_AFTER_MS = 600.0
"""Without a word of the session, while it owes one."""
ANSWER_WITHIN_MS = 600.0
"""Several times what a ping takes around the world; with the wait before it about what callers notice."""
OVERSLEPT_MS = 200.0
"""Whoever is woken so late stood still themselves: what the session said meanwhile may lie unread in its socket."""


class Pulse:
    """Of one model session after the other."""

    def __init__(self, commands: list[Command]) -> None:
        self._commands = commands
        self._heard_at: float | None = None
        """None before the session's first word: until then whoever connects it watches it."""
        self._owed_since: float | None = None
        self._asked_at: float | None = None

    def heard(self, now: float) -> None:
        """The session said something, if it was only a pong."""
        self._heard_at, self._asked_at = now, None

    def forget(self) -> None:
        """Another session takes over."""
        self._heard_at = self._asked_at = None

    def wait(self, *, owed: bool, now: float) -> None:
        """Say whether anything is owed, after every event."""
        if not owed:
            self._owed_since = self._asked_at = None
        elif self._owed_since is None:
            self._owed_since = now

    @property
    def due(self) -> float:
        """When `tick` wants to be called; `NEVER` when nothing is due."""
        if self._owed_since is None or self._heard_at is None:
            return NEVER
        if self._asked_at is not None:
            return self._asked_at + ANSWER_WITHIN_MS
        return max(self._heard_at, self._owed_since) + ASK_AFTER_MS

    def tick(self, now: float) -> None:
        """Ask, or give the session up that did not answer."""
        late = now - self.due
        if late < 0:
            return
        if self._asked_at is None or late > OVERSLEPT_MS:
            self._asked_at = now
            self._commands.append(AskIfAlive())
        else:
            self.forget()
            self._commands.append(LaneFault(HUNG, session_lost=True))
