"""What a call's line carried, until a turn is cut off it: the caller's audio, and the agent's as far as it was heard.

While the call is live a frame is put into a list and nothing else. What was heard is worked out afterwards from the
frames as they left, by the clock of `protocol.playback`: audio plays in real time behind what was sent before, an
echoed mark says what has played and how far the phone lags, a `clear` throws away what has not. Times are ms of any
steady clock.
"""

import binascii
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from realtime_bridge.protocol.commands import Play, ToPhone
from realtime_bridge.protocol.twilio import MULAW_BYTES_PER_MS, CallerAudio, MarkReached, mulaw_of

BEFORE_SPEECH_FRAMES = 75
"""Of the caller, kept while they are silent: what was said before the model noticed, 1.5 s at 20 ms a frame."""
CALLER_FRAMES = 6_000
"""Of one thing the caller says: 2 minutes; the beginning of a longer one is not kept."""
AGENT_BYTES = 2_500_000
"""Of what is kept of a turn's frames to the caller: about 3 minutes of speech; the end of a longer one is lost."""


Step = tuple[float, bytes | str | MarkReached]
"""When, and a text frame to the phone, the base64 µ-law of a frame of audio, or a mark that the phone echoed."""


@dataclass(frozen=True)
class Cutting:
    """A turn, cut off the tape and not decoded yet."""

    caller: Sequence[CallerAudio]
    line: Sequence[Step]
    until: float
    """When it was cut: what had not played by then was not heard."""

    def caller_audio(self) -> bytes:
        """G.711 µ-law."""
        return mulaw_of(self.caller)

    def agent_audio(self) -> bytes:
        """G.711 µ-law, as the caller heard it, without the pauses in between."""
        return b"".join(heard(self.line, self.until))


class Tape:
    """One call's line. Holds at most the turn under way."""

    __slots__ = ("_caller", "_line", "_room", "_said", "hear")

    def __init__(self) -> None:
        self._listen(deque(maxlen=BEFORE_SPEECH_FRAMES))
        self._said: Sequence[CallerAudio] = ()
        self._line: list[Step] = []
        self._room = AGENT_BYTES

    def _listen(self, caller: deque[CallerAudio]) -> None:
        self._caller = caller
        self.hear = caller.append
        """Takes a frame of the caller."""

    def caller_speaks(self) -> None:
        """The model noticed speech: keep all of it, and what came just before."""
        self._listen(deque(self._caller, maxlen=CALLER_FRAMES))

    def caller_stopped(self) -> None:
        """A turn begins with what the caller has said; what the agent said before belongs to no turn."""
        self._said = self._caller
        self._listen(deque(maxlen=BEFORE_SPEECH_FRAMES))
        self._line, self._room = [], AGENT_BYTES

    def play(self, frame: ToPhone, now: float) -> None:
        """A frame to the phone."""
        # A payload is there already, in the playback or in the phrases of all calls; other frames are copied, because
        # what orjson makes holds on to ten times its length.
        step = frame.payload if isinstance(frame, Play) else memoryview(frame.data).tobytes()
        self._room -= len(step)
        if self._room >= 0:
            self._line.append((now, step))

    def echo(self, name: str, now: float) -> None:
        """A mark came back."""
        self._line.append((now, MarkReached(name)))

    def cut(self, now: float) -> Cutting:
        """The turn is over."""
        cutting = Cutting(self._said, self._line, now)
        self._said, self._line, self._room = (), [], AGENT_BYTES
        return cutting


def heard(line: Sequence[Step], until: float) -> Iterator[bytes]:
    """The µ-law of a line that had played `until` then, in order."""
    buffered: deque[tuple[float, bytes]] = deque()
    marks: dict[str, tuple[float, int]] = {}
    """Name -> when it plays, and how many pieces lie before it."""
    plays_until, lag, pieces = 0.0, 0.0, 0
    for at, step in line:
        if isinstance(step, MarkReached):
            # A `clear` echoes the marks that it threw away, too: those are forgotten by then.
            plays_at, before = marks.pop(step.name, (at - lag, 0))
            lag = max(0.0, at - plays_at)
            while buffered and pieces - len(buffered) < before:
                yield buffered.popleft()[1]
            continue
        kind, content = _read(step)
        if kind == "media":
            begins = max(at, plays_until)
            plays_until = begins + len(content) / MULAW_BYTES_PER_MS
            buffered.append((begins, content))
            pieces += 1
        elif kind == "mark":
            marks[content] = plays_until, pieces
        elif kind == "clear":
            yield from _played(buffered, at - lag)
            buffered.clear()
            marks.clear()
            plays_until = at
    yield from _played(buffered, until - lag)


def _played(buffered: deque[tuple[float, bytes]], position: float) -> Iterator[bytes]:
    for begins, audio in buffered:
        length = round((position - begins) * MULAW_BYTES_PER_MS)
        if length > 0:
            yield audio[:length]


def _read(step: bytes | str) -> tuple[str, Any]:
    """What went to the phone: (`media`, µ-law), (`mark`, its name) or (`clear`, empty)."""
    if isinstance(step, str):
        return "media", binascii.a2b_base64(step)
    frame = orjson.loads(step)
    kind = str(frame["event"])
    return kind, frame["mark"]["name"] if kind == "mark" else ""
