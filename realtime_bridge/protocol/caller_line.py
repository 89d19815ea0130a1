"""The caller's audio of one stream on its way to the model, frame by frame, and the newest of it kept.

Fifty frames a second and call make nearly all the work of a bridge, and none of them needs a decision. So this is the
one place that takes a shortcut: what is quite Twilio's usual frame is read, kept and re-worded here in one go, and
everything else is left to `TwilioStream`. Twilio writes the fields of a frame in one order, in which only the numbers
before the payload vary, so its place is known; a frame in another order is read as JSON.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

import orjson

from realtime_bridge.protocol.frame_budget import CREDIT, FrameBudget
from realtime_bridge.protocol.realtime import APPEND, append_audio
from realtime_bridge.protocol.twilio import CallerAudio, audio_ms

HELD = 500
"""Frames, 10 s: the most that is kept. A longer utterance loses its beginning: 150 KB a call is enough."""
LOOKED_AFTER = CREDIT
"""Frames after which what is due now and then is done once for all of them: a second."""
USUAL = 216
"""Base64 characters of 20 ms, which are 160 bytes of µ-law."""
_ALPHABET, _PADDING = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", b"=="
"""Of base64, and how 160 bytes of it end. To tell that it is base64 takes a third of the time of decoding it."""
FRAME_MS = 20.0
_HEAD = b'{"event":"media",'
_TRACK = b'"track":"inbound"'
_KEY = b'"payload":"'
_TAIL = b'"},"streamSid":"%b"}'


class Listener(Protocol):
    """Wants every frame too."""

    @property
    def hear(self) -> Callable[[CallerAudio], object]:
        """Takes a frame."""


class CallerLine:
    """What came of the caller. `tidy` is called every second: whoever owns the frames lets go of some there."""

    __slots__ = (
        "_begins",
        "_counted",
        "_ends",
        "_extra_ms",
        "_key_begins",
        "_left",
        "_tail",
        "also",
        "budget",
        "frames",
        "stream_sid",
        "tidy",
    )

    def __init__(self, stream_sid: str) -> None:
        self.stream_sid = stream_sid
        self.frames: deque[CallerAudio] = deque(maxlen=HELD)
        """The newest, in the order of their coming."""
        self.also: Listener | None = None
        self.tidy: Callable[[], object] = lambda: None
        self.budget: FrameBudget | None = None
        """What the socket may send: asked once for many frames. The frame that exceeds it is not taken."""
        self._tail = _TAIL % stream_sid.encode()
        self._ends = -len(self._tail)
        self._begins = self._ends - USUAL
        self._key_begins = self._begins - len(_KEY)
        self._counted, self._left = 0, LOOKED_AFTER
        self._extra_ms = 0.0
        """What the present model session was sent, beyond `count` frames of the usual length."""

    @property
    def count(self) -> int:
        """Frames that ever came."""
        return self._counted + LOOKED_AFTER - self._left

    @property
    def audio_ms(self) -> float:
        """What the present model session was sent."""
        return self.count * FRAME_MS + self._extra_ms

    def take(self, data: bytes) -> bytes | None:
        """The event that takes a frame to the model; None for one that is not a usual frame of the caller's audio."""
        if (
            data.endswith(self._tail)
            and data.startswith(_KEY, self._key_begins)
            and data.startswith(_HEAD)
            and _TRACK in data
        ):
            payload = data[self._begins : self._ends]
        elif not (payload := self._read(data)):
            return None
        if payload.translate(None, _ALPHABET) != _PADDING:
            return None
        # Base64 has no character that JSON would escape.
        return APPEND % payload if self._keep(payload) else None

    def _read(self, data: bytes) -> bytes:
        """The payload of a frame whose fields come in another order; empty where it is not usual."""
        try:
            frame = orjson.loads(data)
            media = frame["media"]
            payload: str = media["payload"]
            usual = len(payload) == USUAL and media["track"] == "inbound" and frame["streamSid"] == self.stream_sid
            return payload.encode() if usual else b""
        except (AttributeError, KeyError, TypeError, ValueError):
            return b""

    def take_unusual(self, audio: CallerAudio) -> bytes:
        """The same for audio of any length, which was paid for already."""
        self._extra_ms += audio_ms(audio.decode()) - FRAME_MS
        self._keep(audio)
        return append_audio(audio)

    def _keep(self, audio: CallerAudio) -> bool:
        """False for the frame with which the socket's budget is exceeded."""
        self.frames.append(audio)
        if self.also is not None:
            self.also.hear(audio)
        self._left -= 1
        return self._left > 0 or self._look_after()

    def _look_after(self) -> bool:
        self._counted, self._left = self._counted + LOOKED_AFTER, LOOKED_AFTER
        self.tidy()
        return self.budget is None or self.budget.spend(LOOKED_AFTER)

    def begin_again(self, sent: Sequence[CallerAudio]) -> None:
        """Another model session takes over, and was sent this much of what came before."""
        self._extra_ms = sum(audio_ms(audio.decode()) for audio in sent) - self.count * FRAME_MS
