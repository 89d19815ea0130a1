"""What was sent to the caller's ear and what of it was heard.

Twilio plays from a buffer that can be seconds deep, so bytes sent say nothing. Audio plays in real time once it is
there, so its position is known from the clock; Twilio echoes a mark when everything before it was played, which tells
how far the phone lags behind our clock and confirms what was heard. Marks are echoed too when a `clear` empties the
buffer: those are told apart by remembering which ones were cut (source: Twilio, Media Streams messages).
"""

from collections import deque
from dataclasses import dataclass

from realtime_bridge.protocol.twilio import audio_ms

MARK_EVERY_MS = 2000.0
"""A mark costs a frame each way. Between two of them the clock is as good as a mark."""


@dataclass(slots=True)
class Utterance:
    """One item of agent speech in the playback timeline."""

    item_id: str
    sent_ms: float = 0.0
    heard_ms: float = 0.0
    complete: bool = False
    """The model has finished the item, or it was cut off: no more audio will be added."""
    known: bool = True
    """The model session that is connected now knows the item."""

    @property
    def heard_whole(self) -> bool:
        """Whether it was heard to its end."""
        return self.complete and self.heard_ms >= self.sent_ms


@dataclass(slots=True)
class _Segment:
    """Audio in the buffer, and when it plays if the phone does not lag."""

    utterance: Utterance
    payload: str
    ms: float
    begins: float
    ends: float


@dataclass(frozen=True, slots=True)
class Rest:
    """Audio that was sent and cut before it was heard."""

    utterance: Utterance
    payload: str
    """Base64 µ-law."""
    heard_ms: float
    """How much of this payload was heard before the cut."""


@dataclass(frozen=True, slots=True)
class _Mark:
    name: str
    plays_at: float


class Playback:
    """Accounts for all audio sent. Times are ms of any steady clock."""

    __slots__ = ("_count", "_cut_marks", "_lag", "_marks", "_plays_until", "_segments", "_told", "_unmarked_ms")

    def __init__(self) -> None:
        self._segments: deque[_Segment] = deque()
        self._marks: deque[_Mark] = deque()
        self._cut_marks: set[str] = set()
        self._count = 0
        self._unmarked_ms = 0.0
        self._plays_until = 0.0
        self._lag = 0.0
        self._told = float("inf")

    @property
    def playing(self) -> bool:
        """Whether audio was sent that no mark has confirmed yet."""
        return bool(self._segments)

    @property
    def quiet_at(self) -> float:
        """When everything sent so far will have been heard, by the clock and the phone's lag."""
        return self._plays_until + self._lag

    def sent(self, utterance: Utterance, payload: str, now: float) -> str | None:
        """Note base64 µ-law sent; the name of a mark to send after it, or None when none is due."""
        first, ms = utterance.sent_ms == 0.0, audio_ms(payload)
        begins = max(now, self._plays_until)
        self._plays_until = begins + ms
        self._segments.append(_Segment(utterance, payload, ms, begins, self._plays_until))
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
        mark = _Mark(f"{utterance.item_id}#{self._count}", self._plays_until)
        self._marks.append(mark)
        return mark.name

    def reached(self, name: str, now: float) -> bool:
        """Note a mark that Twilio echoed; False for one that was cut or that we never sent."""
        if name in self._cut_marks:
            self._cut_marks.discard(name)
            return False
        if not any(mark.name == name for mark in self._marks):
            return False
        while True:
            mark = self._marks.popleft()
            if mark.name == name:
                break
        told = max(0.0, now - mark.plays_at)
        # A mark that was held up on its way says too much, never too little: one alone is not believed.
        self._lag, self._told = min(told, self._told), told
        while self._segments and self._segments[0].ends <= mark.plays_at:
            segment = self._segments.popleft()
            segment.utterance.heard_ms += segment.ms
        return True

    def cut(self, now: float) -> list[Rest] | None:
        """Empty the buffer (the caller spoke): what was not heard of it, in order; None when nothing was playing.

        The `heard_ms` of what was playing is brought up to `now`; of what was queued behind it nothing was heard.
        """
        if not self._segments:
            return None
        position = now - self._lag
        rest = [self._cut(segment, position) for segment in self._segments]
        self._cut_marks.update(mark.name for mark in self._marks)
        self._segments.clear()
        self._marks.clear()
        self._unmarked_ms = 0.0
        self._plays_until = now
        return [each for each in rest if each is not None]

    @staticmethod
    def _cut(segment: _Segment, position: float) -> Rest | None:
        heard = min(segment.ms, max(0.0, position - segment.begins))
        segment.utterance.heard_ms += heard
        return Rest(segment.utterance, segment.payload, heard) if heard < segment.ms else None
