"""Whether a model session that owes the call something is alive: once its answer is late, a ping asks.

A session that thinks slowly answers the ping, and nothing happens. While nothing is owed nobody is in a hurry: the
socket itself looks after that, see `realtime_bridge.model_link`. Times are ms of the session's clock.
"""

from realtime_bridge.protocol.commands import AskIfAlive, Command, LaneFault
from realtime_bridge.protocol.faults import HUNG
from realtime_bridge.protocol.rules import NEVER

ASK_AFTER_MS = 500.0
"""Since when a word must be owed before a session that is silent is asked."""
ANSWER_WITHIN_MS = 600.0
"""Several times what a ping takes around the world; with the wait before it about what callers notice."""
OVERSLEPT_MS = 200.0
"""Whoever is woken so late stood still themselves: what the session said meanwhile may lie unread in its socket."""


class Pulse:
    """Of one model session after the other."""

    __slots__ = ("_asked_at", "_commands", "_owed_since")

    def __init__(self, commands: list[Command]) -> None:
        self._commands = commands
        self._owed_since: float | None = None
        self._asked_at: float | None = None

    def alive(self) -> None:
        """The session said something, if it was only a pong; or another one takes its place."""
        self._asked_at = None

    def wait(self, *, owed: bool, now: float) -> None:
        """Say whether anything is owed, after every event."""
        if not owed:
            self._owed_since = self._asked_at = None
        elif self._owed_since is None:
            self._owed_since = now

    def silent(self, now: float) -> None:
        """Whoever reads the session's socket looks now and then, and nothing has come for a while: it is asked."""
        if self._asked_at is None and self._owed_since is not None and now - self._owed_since >= ASK_AFTER_MS:
            self._ask(now)

    @property
    def due(self) -> float:
        """When `tick` wants to be called; `NEVER` when nothing is due."""
        return NEVER if self._asked_at is None else self._asked_at + ANSWER_WITHIN_MS

    def tick(self, now: float) -> None:
        """Give the session up that did not answer."""
        late = now - self.due
        if late > OVERSLEPT_MS:
            self._ask(now)
        elif late >= 0:
            self._asked_at = None
            self._commands.append(LaneFault(HUNG, session_lost=True))

    def _ask(self, now: float) -> None:
        self._asked_at = now
        self._commands.append(AskIfAlive())
