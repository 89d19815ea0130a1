"""The person at the other end of a simulated call: hears and says one 20 ms frame at a time. No I/O, no clock.

A person speaks only in a conversation (a media stream, a conference that has begun): nobody answers an announcement.
"""

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from firstline.simulators.mulaw import FRAME_MS, SILENCE, frames, is_loud

_PAUSE_MS = 200
"""The other side has stopped speaking after this much quiet; shorter gaps are between words."""


_BUFFERED_MS = 200
"""A server that streams silence keeps this much buffered without having anything to say."""


class Answer(StrEnum):
    """What a person does when the phone rings."""

    ANSWERS = "answers"
    DECLINES = "declines"
    NEVER = "never"


class HangUp(StrEnum):
    """When a person ends the call by themselves, once all turns are said."""

    AFTER_ANSWER = "after_answer"
    """The other side has answered the last turn and is quiet; on hold a person waits."""
    AFTER_PERSON = "after_person"
    """As before, but only in a conference: the caller wants to be put through."""
    NEVER = "never"


class Place(StrEnum):
    """What the line is connected to."""

    NOTHING = "nothing"
    ANNOUNCEMENT = "announcement"
    STREAM = "stream"
    HOLD = "hold"
    CONFERENCE = "conference"


_CONVERSATIONS = {Place.STREAM, Place.CONFERENCE}


@dataclass(frozen=True)
class Turn:
    """One thing a person says or presses."""

    audio: bytes = b""
    """µ-law, 8 kHz."""
    digits: str = ""
    """Pressed after the audio."""
    barge_in_ms: int | None = None
    """Begin this long after the other side began to speak; None waits until it has finished."""


@dataclass(frozen=True)
class Script:
    """How a person behaves in one call."""

    answer: Answer = Answer.ANSWERS
    ring_ms: int = 1500
    """How long it rings before `answers` or `declines` happens."""
    machine: bool = False
    """An answering machine picks up instead of the person."""
    presses: str = "1"
    """Digits pressed when asked to (Gather); empty for none."""
    presses_after_ms: int = 1500
    turns: tuple[Turn, ...] = ()
    speaks_first: bool = False
    """Says the first turn without waiting to hear anything."""
    patience_ms: int = 800
    """Quiet needed after the other side has spoken, before the next turn."""
    hang_up: HangUp = HangUp.AFTER_ANSWER
    hang_up_patience_ms: int = 2500
    give_up_ms: int = 180_000
    """Hangs up this long after answering, whatever happens."""


@dataclass
class Reaction:
    """What a person does in one frame."""

    frame: bytes = SILENCE
    digit: str = ""
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    hang_up: str = ""
    """Why the person hangs up now; empty while staying."""


class Ear:
    """Notices when the other side starts and stops speaking."""

    def __init__(self) -> None:
        self.talking = False
        self.began_at = 0
        self.quiet_ms = 0
        # Something was heard since the last `forget`.
        self.heard = False

    def hear(self, frame: bytes | None, now: int, reaction: Reaction) -> None:
        """Take one frame (None is silence) that was played at `now` ms."""
        if frame is not None and is_loud(frame):
            if not self.talking:
                self.talking, self.began_at = True, now
                reaction.events.append(("agent_audio_started", {"line_ms": now}))
            self.heard, self.quiet_ms = True, 0
            return
        self.quiet_ms += FRAME_MS
        if self.talking and self.quiet_ms >= _PAUSE_MS:
            self.talking = False
            values = {"line_ms": now - self.quiet_ms + FRAME_MS, "began_line_ms": self.began_at}
            reaction.events.append(("agent_audio_stopped", values))

    def forget(self) -> None:
        """From here on, something new has to be heard."""
        self.heard, self.quiet_ms = False, 0


class Person:
    """Follows a script; `tick` it once a frame, from the moment the call is answered."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self._now = -FRAME_MS
        self._ear = Ear()
        self._place = Place.NOTHING
        self._turns = deque(enumerate(script.turns))
        self._saying: deque[bytes] = deque()
        self._pressing: deque[str] = deque()
        # (index, began) of the turn being said; None while listening.
        self._turn: tuple[int, int] | None = None
        # When to press the digits that were asked for; None when nothing was asked.
        self._press_at: int | None = None
        self._spoken_to = -1

    def asked_for_digits(self) -> None:
        """A Gather listens now."""
        if self.script.presses:
            self._press_at = self._now + self.script.presses_after_ms

    def tick(self, place: Place, heard: bytes | None, pending_ms: int = 0) -> Reaction:
        """Hear 20 ms (None for silence, `pending_ms` still buffered behind it) and react."""
        self._now += FRAME_MS
        reaction = Reaction()
        self._moved_to(place)
        self._ear.hear(heard, self._now, reaction)
        if self._turn is None:
            self._listen(pending_ms, reaction)
        if self._turn is not None:
            self._speak(reaction)
        elif self._press_at is not None and self._now >= self._press_at:
            self._press_at = None
            self._pressing.extend(self.script.presses)
        if self._pressing and not reaction.digit:
            reaction.digit = self._pressing.popleft()
        if self._now >= self.script.give_up_ms:
            reaction.hang_up = "gave_up"
        return reaction

    def _moved_to(self, place: Place) -> None:
        if place is not self._place and place in (Place.HOLD, Place.CONFERENCE):
            # Whoever speaks next is somebody else.
            self._ear.forget()
        self._place = place

    def _listen(self, pending_ms: int, reaction: Reaction) -> None:
        finished = self._ear.heard and pending_ms <= _BUFFERED_MS
        if self._turns:
            if self._place in _CONVERSATIONS and self._wants_to_speak(finished):
                index, turn = self._turns.popleft()
                self._turn = index, self._now
                self._saying = deque(frames(turn.audio))
                reaction.events.append(("turn_started", {"turn": index, "line_ms": self._now}))
        elif finished and self._ear.quiet_ms >= self.script.hang_up_patience_ms and self._may_leave():
            reaction.hang_up = "said_goodbye"

    def _wants_to_speak(self, finished: bool) -> bool:
        index, turn = self._turns[0]
        if turn.barge_in_ms is not None:
            began = self._ear.began_at
            return self._ear.talking and began > self._spoken_to and self._now - began >= turn.barge_in_ms
        if index == 0 and self.script.speaks_first:
            return True
        return finished and self._ear.quiet_ms >= self.script.patience_ms

    def _may_leave(self) -> bool:
        match self.script.hang_up:
            case HangUp.AFTER_ANSWER:
                return self._place is not Place.HOLD
            case HangUp.AFTER_PERSON:
                return self._place is Place.CONFERENCE
            case HangUp.NEVER:
                return False

    def _speak(self, reaction: Reaction) -> None:
        if self._saying:
            reaction.frame = self._saying.popleft()
        if self._saying or self._turn is None:
            return
        index, began = self._turn
        self._turn, self._spoken_to = None, self._now
        self._ear.forget()
        self._pressing.extend(self.script.turns[index].digits)
        values = {"turn": index, "began_line_ms": began, "line_ms": self._now + FRAME_MS}
        reaction.events.append(("turn_spoken", values))
