"""The caller says nothing: asked twice whether they are there, then told goodbye."""

from collections.abc import Callable

from realtime_bridge.protocol.rules import NEVER

PROMPTS = 2


class SilenceLadder:
    """Climbs while nobody has anything to do but the caller. Times are ms of the session's clock."""

    __slots__ = ("_climbed", "_goodbye", "_prompt", "_since", "_step_ms")

    def __init__(self, step_ms: float, prompt: Callable[[float], None], goodbye: Callable[[float], None]) -> None:
        self._step_ms = step_ms
        self._prompt = prompt
        self._goodbye = goodbye
        self._since: float | None = None
        self._climbed = 0

    @property
    def due(self) -> float:
        """When the next step is taken; never while somebody speaks or works."""
        return NEVER if self._since is None or self._step_ms <= 0 else self._since + self._step_ms

    def watch(self, *, callers_turn: bool, now: float) -> None:
        """Say after every event whether it is for the caller to say something."""
        if not callers_turn:
            self._since = None
        elif self._since is None:
            self._since = now

    def caller_was_heard(self) -> None:
        """By voice or by key: the ladder begins at its foot."""
        self._since, self._climbed = None, 0

    def tick(self, now: float) -> None:
        """Take the step that is due."""
        if self.due > now:
            return
        self._since = None
        self._climbed += 1
        if self._climbed <= PROMPTS:
            self._prompt(now)
        else:
            self._goodbye(now)
