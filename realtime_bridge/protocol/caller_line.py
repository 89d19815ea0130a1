"""The caller's audio of one stream on its way to the model, frame by frame, and the newest of it kept.

Fifty frames a second and call make nearly all the work of a bridge, and none of them needs a decision. So this is the
one place that takes a shortcut: what is quite Twilio's usual frame is read, kept and re-worded here in one go, and
everything else is left to `TwilioStream`.
"""

import binascii
from collections import deque
from collections.abc import Callable
from typing import Protocol

import orjson

from realtime_bridge.protocol.realtime import APPEND, APPEND_END
from realtime_bridge.protocol.twilio import MULAW_BYTES_PER_MS, CallerAudio

HELD = 500
"""Frames, 10 s: the most that is kept. A longer utterance loses its beginning: 130 KB a call is enough."""
LOOKED_AFTER = 25
"""Frames after which what is due now and then is done once for all of them: half a second."""
LONGEST = 1024
"""Base64 characters; a usual frame has 216. A larger one is looked at more closely."""


class Listener(Protocol):
    """Wants every frame too."""

    @property
    def hear(self) -> Callable[[CallerAudio], object]:
        """Takes a frame."""


class CallerLine:
    """What came of the caller. `tidy` is called every half second: whoever owns the frames lets go of some there."""

    __slots__ = ("also", "audio_bytes", "count", "frames", "stream_sid", "tidy")

    def __init__(self, stream_sid: str) -> None:
        self.stream_sid = stream_sid
        self.frames: deque[CallerAudio] = deque(maxlen=HELD)
        """The newest, in the order of their coming."""
        self.count = 0
        """Frames that ever came."""
        self.audio_bytes = 0
        """µ-law sent to the present model session."""
        self.also: Listener | None = None
        self.tidy: Callable[[], object] = lambda: None

    @property
    def audio_ms(self) -> float:
        """What the present model session was sent."""
        return self.audio_bytes / MULAW_BYTES_PER_MS

    def take(self, data: bytes) -> bytes | None:
        """The event that takes a frame to the model; None for one that is not a usual frame of the caller's audio."""
        try:
            frame = orjson.loads(data)
            media = frame["media"]
            payload: str = media["payload"]
            if media["track"] != "inbound" or frame["streamSid"] != self.stream_sid or not 0 < len(payload) <= LONGEST:
                return None
            audio = binascii.a2b_base64(payload, strict_mode=True)
        except (KeyError, TypeError, ValueError):
            return None
        self.keep(audio)
        # Strict base64 has no character that JSON would escape.
        return APPEND + payload.encode() + APPEND_END

    def keep(self, audio: CallerAudio) -> None:
        """A frame came."""
        self.frames.append(audio)
        if self.also is not None:
            self.also.hear(audio)
        self.audio_bytes += len(audio)
        self.count += 1
        if not self.count % LOOKED_AFTER:
            self.tidy()
