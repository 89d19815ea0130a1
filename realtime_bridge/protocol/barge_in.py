"""The caller makes a sound while the agent speaks: is it an interruption?

The phone falls silent at once, whatever it was. The agent's words are kept, those that the model is still saying
among them, until it is clear what the sound was: an interruption (it lasts, or it has words that ask for something), or
a sound a listener makes and a cough, after which the agent goes on where it was cut.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from firstline.domain.backchannel import is_backchannel
from realtime_bridge.protocol.playback import Rest
from realtime_bridge.protocol.rules import NEVER

WORDS_WITHIN_MS = 800.0
"""After a short sound has ended its words are waited for this long; a caller whose words are lost is not ignored."""


@dataclass
class Held:
    """Words of the agent that wait for a decision."""

    rest: Sequence[Rest]
    item_id: str
    """The caller's item, as far as the server has named it."""
    decide_at: float
    """When the sound counts as an interruption, whatever it was."""
    stopped: tuple[Mapping[str, Any], float] | None = None
    """The server's `speech_stopped` and when it came; None while the sound lasts."""
    words: str = ""
    """What was transcribed of it so far."""
    final: bool = False
    """No more words will come of it."""
    answer: list[Mapping[str, Any]] = field(default_factory=list)
    """The rest of the answer that the model was giving when the sound came."""
    events: list[Mapping[str, Any]] = field(default_factory=list)
    """What the model did after the sound: it may be answering one that wants no answer."""
    unanswerable: bool = False
    """The answer was not over when the sound was: the server could not, or did not, begin to answer the sound."""


class BargeIn:
    """One sound at a time."""

    __slots__ = ("_after_ms", "held")

    def __init__(self, after_ms: float) -> None:
        self._after_ms = after_ms
        self.held: Held | None = None

    @property
    def due(self) -> float:
        """When to decide at the latest."""
        return NEVER if self.held is None else self.held.decide_at

    @property
    def patient(self) -> bool:
        """Whether a decision may wait at all, and none is waiting."""
        return self._after_ms > 0 and self.held is None

    def hold(self, rest: Sequence[Rest], item_id: str, now: float) -> None:
        """Wait with the decision; the phone is silent already."""
        self.held = Held(rest, item_id, now + self._after_ms)

    def stopped(self, event: Mapping[str, Any], now: float) -> None:
        """The sound has ended before it was an interruption by its length: its words decide."""
        assert self.held is not None
        self.held.stopped, self.held.decide_at = (event, now), now + WORDS_WITHIN_MS

    def heard(self, words: str, *, final: bool) -> None:
        """Words of the sound arrived: all of them, or some more."""
        assert self.held is not None
        self.held.words, self.held.final = (words, True) if final else (self.held.words + words, False)

    def verdict(self, language: str, *, asking: bool) -> bool | None:
        """True for an interruption, False for none, None while it may be either.

        `asking`: the agent has just asked something, so that even "yes" says something.
        """
        assert self.held is not None
        words = self.held.words.strip()
        if words and (asking or not is_backchannel(words, language)):
            return True
        return False if self.held.final and self.held.stopped is not None else None

    def release(self) -> Held:
        """Decided."""
        assert self.held is not None
        held, self.held = self.held, None
        return held
