"""When a model session is replaced because its time is nearly up, so that the caller does not hear it end.

OpenAI ends a session after 60 minutes, with close code 1001 or the error `session_expired`
(https://developers.openai.com/api/docs/guides/realtime-conversations). Times are seconds of any steady clock.
"""

from enum import Enum

ROLL_AFTER = 55 * 60.0
"""Age at which a second session is made ready; the next quiet moment takes it."""
FORCE_AFTER = 59 * 60.0
"""Age at which it takes over even if somebody speaks: what was not understood is sent again."""
BEFORE_EXPIRY = 60.0
"""The same, before the moment at which the server itself says that the session ends."""


class Step(Enum):
    """What to do about a session's age now."""

    NOTHING = "nothing"
    PREPARE = "prepare"
    """Make another session ready."""
    SWAP = "swap"
    """Go over to it now."""


class RollOver:
    """Of one session, which began at `opened_at` and lasts so many seconds."""

    __slots__ = ("due_at", "forced_at", "prepared")

    def __init__(self, opened_at: float, lasts: float = 60 * 60.0) -> None:
        self.due_at = opened_at + min(ROLL_AFTER, lasts - 5 * BEFORE_EXPIRY)
        """When there is something to do."""
        self.forced_at = opened_at + min(FORCE_AFTER, lasts - BEFORE_EXPIRY)
        """When it is done at any price."""
        self.prepared = False
        """Another session was made ready."""

    def step(self, now: float, quiet: bool) -> Step:
        """What to do; `quiet` while nobody speaks, nothing is answered and no tool runs."""
        if now < self.due_at:
            return Step.NOTHING
        if not self.prepared:
            self.prepared = True
            return Step.PREPARE
        return Step.SWAP if quiet or now >= self.forced_at else Step.NOTHING
