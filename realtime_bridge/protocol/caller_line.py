"""The caller's audio of one stream on its way to the model, frame by frame, and the newest of it kept.

Fifty frames a second and call make nearly all the work of a bridge, and none of them needs a decision. So this is the
one place that takes a shortcut: what is quite Twilio's usual frame is read, kept and re-worded here in one go, and
everything else is left to `TwilioStream`.
"""

import binascii
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

import orjson

from realtime_bridge.protocol.realtime import APPEND, append_audio
from realtime_bridge.protocol.twilio import MULAW_BYTES_PER_MS, CallerAudio

HELD = 500
"""Frames, 10 s: the most that is kept. A longer utterance loses its beginning: 130 KB a call is enough."""
LOOKED_AFTER = 25
"""Frames after which what is due now and then is done once for all of them: half a second."""
USUAL = 216
"""Base64 characters of 20 ms, which are 160 bytes of µ-law."""
FRAME_MS = 20.0


class Listener(Protocol):
    """Wants every frame too."""

    @property
    def hear(self) -> Callable[[CallerAudio], object]:
        """Takes a frame."""


class CallerLine:
    """What came of the caller. `tidy` is called every half second: whoever owns the frames lets go of some there."""

    __slots__ = ("_counted", "_extra_ms", "_left", "also", "frames", "stream_sid", "tidy")

    def __init__(self, stream_sid: str) -> None:
        self.stream_sid = stream_sid
        self.frames: deque[CallerAudio] = deque(maxlen=HELD)
        """The newest, in the order of their coming."""
        self.also: Listener | None = None
        self.tidy: Callable[[], object] = lambda: None
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
        try:
            frame = orjson.loads(data)
            media = frame["media"]
            payload: str = media["payload"]
            if len(payload) != USUAL or media["track"] != "inbound" or frame["streamSid"] != self.stream_sid:
                return None
            audio = binascii.a2b_base64(payload, strict_mode=True)
        except (KeyError, TypeError, ValueError):
            return None
        self._keep(audio)
        # Strict base64 has no character that JSON would escape.
        return APPEND % payload.encode()

    def take_unusual(self, audio: CallerAudio) -> bytes:
        """The same for audio of any length."""
        self._extra_ms += len(audio) / MULAW_BYTES_PER_MS - FRAME_MS
        self._keep(audio)
        return append_audio(audio)

    def _keep(self, audio: CallerAudio) -> None:
        self.frames.append(audio)
        if self.also is not None:
            self.also.hear(audio)
        self._left -= 1
        if not self._left:
            self._counted, self._left = self._counted + LOOKED_AFTER, LOOKED_AFTER
            self.tidy()

    def begin_again(self, sent: Sequence[CallerAudio]) -> None:
        """Another model session takes over, and was sent this much of what came before."""
        self._extra_ms = sum(map(len, sent)) / MULAW_BYTES_PER_MS - self.count * FRAME_MS
