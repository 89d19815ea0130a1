"""What was sent to the caller's ear and what of it was heard.

Twilio plays from a buffer that can be seconds deep, so bytes sent say nothing. Audio plays in real time once it is
there, so its position is known from the clock; Twilio echoes a mark when everything before it was played, which tells
how far the phone lags behind our clock and confirms what was heard. Marks are echoed too when a `clear` empties the
buffer: those are told apart by remembering which ones were cut (source: Twilio, Media Streams messages).
"""

from collections import deque
from dataclasses import dataclass

MARK_EVERY_MS = 400.0
"""A mark costs a frame each way. Between two of them the clock is as good as a mark."""


@dataclass(slots=True)
class Utterance:
    """One item of agent speech in the playback timeline."""

    item_id: str
    sent_ms: float = 0.0
    heard_ms: float = 0.0
    complete: bool = False
    """The model has finished the item: no more audio will be added."""


@dataclass(slots=True)
class _Segment:
    """Audio in the buffer, and when it plays if the phone does not lag."""

    utterance: Utterance
    begins: float
    ends: float


@dataclass(frozen=True, slots=True)
class _Mark:
    name: str
    utterance: Utterance
    position_ms: float
    """Of the utterance, at the mark."""
    plays_at: float


class Playback:
    """Accounts for all audio sent. Times are ms of any steady clock."""

    def __init__(self) -> None:
        self._segments: deque[_Segment] = deque()
        self._marks: deque[_Mark] = deque()
        self._cut: set[str] = set()
        self._count = 0
        self._unmarked_ms = 0.0
        self._plays_until = 0.0
        self._lag = 0.0

    @property
    def playing(self) -> bool:
        """Whether audio was sent that no mark has confirmed yet."""
        return bool(self._segments)

    def sent(self, utterance: Utterance, ms: float, now: float) -> str | None:
        """Note `ms` of audio sent; the name of a mark to send after it, or None when none is due."""
        first = utterance.sent_ms == 0.0
        begins = max(now, self._plays_until)
        self._plays_until = begins + ms
        self._segments.append(_Segment(utterance, begins, self._plays_until))
        utterance.sent_ms += ms
        self._unmarked_ms += ms
        return self._mark(utterance) if first or self._unmarked_ms >= MARK_EVERY_MS else None

    def finished(self, utterance: Utterance) -> str | None:
        """The utterance is complete: the name of the mark that will confirm its end, or None when one is under way."""
        utterance.complete = True
        return self._mark(utterance) if self._unmarked_ms > 0 else None

    def _mark(self, utterance: Utterance) -> str:
        self._count += 1
        self._unmarked_ms = 0.0
        mark = _Mark(f"{utterance.item_id}#{self._count}", utterance, utterance.sent_ms, self._plays_until)
        self._marks.append(mark)
        return mark.name

    def reached(self, name: str, now: float) -> bool:
        """Note a mark that Twilio echoed; False for one that was cut or that we never sent."""
        if name in self._cut:
            self._cut.discard(name)
            return False
        if not any(mark.name == name for mark in self._marks):
            return False
        while True:
            mark = self._marks.popleft()
            mark.utterance.heard_ms = mark.position_ms
            if mark.name == name:
                break
        self._lag = max(0.0, now - mark.plays_at)
        while self._segments and self._segments[0].ends <= mark.plays_at:
            self._segments.popleft()
        return True

    def cut(self, now: float) -> Utterance | None:
        """Empty the buffer (the caller spoke): the utterance that was cut, its `heard_ms` brought up to `now`.

        Utterances queued behind it keep what was heard of them: nothing. None when nothing was playing.
        """
        current: Utterance | None = None
        position = now - self._lag
        for segment in self._segments:
            if current is not None and segment.begins >= position:
                break
            current = segment.utterance
            heard = current.heard_ms + max(0.0, min(segment.ends, position) - segment.begins)
            current.heard_ms = min(heard, current.sent_ms)
        self._cut.update(mark.name for mark in self._marks)
        self._segments.clear()
        self._marks.clear()
        self._unmarked_ms = 0.0
        self._plays_until = now
        return current
