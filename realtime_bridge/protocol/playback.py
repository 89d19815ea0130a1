"""What was sent to the caller's ear and what of it was heard.

Twilio plays from a buffer that can be seconds deep, so bytes sent say nothing. It echoes a mark when everything before
the mark was played; between two marks the position runs with the clock. Marks are echoed too when a `clear` empties the
buffer: those are told apart by remembering which ones were cut (source: protocols, Media Streams).
"""

from collections import deque
from dataclasses import dataclass


@dataclass(slots=True)
class Utterance:
    """One item of agent speech in the playback timeline."""

    item_id: str
    sent_ms: float = 0.0
    heard_ms: float = 0.0
    complete: bool = False
    """The model has finished the item: no more audio will be added."""


@dataclass(frozen=True, slots=True)
class _Mark:
    name: str
    utterance: Utterance
    position_ms: float
    """Of the utterance, at the mark."""


class Playback:
    """Accounts for all audio sent. Times are ms of any steady clock."""

    def __init__(self) -> None:
        self._pending: deque[_Mark] = deque()
        self._cut: set[str] = set()
        self._count = 0
        self._clock_from = 0.0
        # Moment from which the buffer has been playing without a known position since.

    @property
    def playing(self) -> bool:
        """Whether audio is still in Twilio's buffer."""
        return bool(self._pending)

    @property
    def current(self) -> Utterance | None:
        """The utterance in the caller's ear; None while the agent is silent."""
        return self._pending[0].utterance if self._pending else None

    def sent(self, utterance: Utterance, ms: float, now: float) -> str:
        """Note `ms` of audio sent; returns the name of the mark to send after it."""
        if not self._pending:
            self._clock_from = now
        utterance.sent_ms += ms
        self._count += 1
        name = f"{utterance.item_id}#{self._count}"
        self._pending.append(_Mark(name, utterance, utterance.sent_ms))
        return name

    def reached(self, name: str, now: float) -> bool:
        """Note a mark that Twilio echoed; False for one that was cut or that we never sent."""
        if name in self._cut:
            self._cut.discard(name)
            return False
        if not any(mark.name == name for mark in self._pending):
            return False
        while self._pending:
            mark = self._pending.popleft()
            mark.utterance.heard_ms = mark.position_ms
            if mark.name == name:
                break
        self._clock_from = now
        return True

    def cut(self, now: float) -> Utterance | None:
        """Empty the buffer (the caller spoke): the utterance that was cut, its `heard_ms` brought up to `now`.

        Utterances queued behind it keep what was heard of them: nothing. None when nothing was playing.
        """
        if not self._pending:
            return None
        first = self._pending[0]
        since = max(0.0, now - self._clock_from)
        first.utterance.heard_ms = min(first.position_ms, first.utterance.heard_ms + since)
        self._cut.update(mark.name for mark in self._pending)
        self._pending.clear()
        return first.utterance
