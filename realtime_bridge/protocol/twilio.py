"""Twilio Media Streams, both directions, without a socket.

Source: https://www.twilio.com/docs/voice/media-streams/websocket-messages. Audio stays G.711 µ-law throughout:
160 bytes = 20 ms at 8 kHz.
"""

import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import orjson

MULAW_BYTES_PER_MS = 8


class BadFrame(ValueError):
    """A frame that Twilio would not send; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class StreamStarted:
    """The call's audio begins."""

    stream_sid: str
    call_sid: str
    parameters: Mapping[str, str] = field(default_factory=dict)


CallerAudio: TypeAlias = bytes
"""20 ms of the caller, base64 µ-law as received: the model takes it so, and few others ever ask for it.

Bare, because there are fifty of them a second and call.
"""


@dataclass(frozen=True, slots=True)
class MarkReached:
    """Everything sent before this mark was played, or was cleared."""

    name: str


@dataclass(frozen=True, slots=True)
class DigitPressed:
    """A key on the caller's phone."""

    digit: str


@dataclass(frozen=True, slots=True)
class StreamStopped:
    """The caller hung up, or the call was moved."""


PhoneEvent = StreamStarted | MarkReached | DigitPressed | StreamStopped


class TwilioStream:
    """Reads one stream's frames in their order; knows the StreamSid that every answer needs."""

    __slots__ = ("stopped", "stream_sid")

    def __init__(self) -> None:
        self.stream_sid = ""
        self.stopped = False

    def read(self, data: bytes) -> PhoneEvent | CallerAudio | None:
        """The event in a text frame; None for what needs no answer (`connected`, frames after `stop`).

        Raises `BadFrame` for anything that is not a frame of this stream in its turn.
        """
        try:
            frame = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise BadFrame("not JSON") from error
        if not isinstance(frame, dict):
            raise BadFrame("not a JSON object")
        kind = frame.get("event")
        if kind == "connected" or self.stopped:
            return None
        if kind == "start":
            return self._start(frame)
        if not self.stream_sid:
            raise BadFrame("a frame came before `start`")
        if frame.get("streamSid", self.stream_sid) != self.stream_sid:
            raise BadFrame("streamSid is of another stream")
        return self._in_stream(kind, frame)

    def _start(self, frame: dict[str, Any]) -> StreamStarted:
        if self.stream_sid:
            raise BadFrame("a second `start`")
        start = _object(frame, "start")
        encoding = _object(start, "mediaFormat").get("encoding")
        if encoding != "audio/x-mulaw":
            raise BadFrame("mediaFormat.encoding is not audio/x-mulaw")
        parameters = start.get("customParameters") or {}
        if not isinstance(parameters, dict):
            raise BadFrame("start.customParameters is not an object")
        self.stream_sid = _string(start, "streamSid")
        return StreamStarted(
            self.stream_sid, _string(start, "callSid"), {str(k): str(v) for k, v in parameters.items()}
        )

    def _in_stream(self, kind: object, frame: dict[str, Any]) -> PhoneEvent | CallerAudio | None:
        if kind == "media":
            media = _object(frame, "media")
            # One-way streams also carry our own voice; only the caller is listened to.
            return _audio(media.get("payload")) if media.get("track", "inbound") == "inbound" else None
        if kind == "mark":
            return MarkReached(_string(_object(frame, "mark"), "name"))
        if kind == "dtmf":
            return DigitPressed(_string(_object(frame, "dtmf"), "digit"))
        if kind == "stop":
            self.stopped = True
            return StreamStopped()
        raise BadFrame("unknown event")

    def media(self, payload: str) -> bytes:
        """Frame that plays base64 µ-law of any length."""
        return orjson.dumps({"event": "media", "streamSid": self.stream_sid, "media": {"payload": payload}})

    def mark(self, name: str) -> bytes:
        """Frame that Twilio echoes once everything before it was played or cleared."""
        return orjson.dumps({"event": "mark", "streamSid": self.stream_sid, "mark": {"name": name}})

    def clear(self) -> bytes:
        """Frame that empties Twilio's playback buffer."""
        return orjson.dumps({"event": "clear", "streamSid": self.stream_sid})


def audio_ms(payload: str) -> float:
    """Length of base64 µ-law, ms."""
    padding = 2 if payload.endswith("==") else payload.endswith("=")
    return (len(payload) * 3 // 4 - padding) / MULAW_BYTES_PER_MS


def mulaw_of(frames: Iterable[CallerAudio]) -> bytes:
    """The caller's audio, G.711 µ-law."""
    return b"".join(map(binascii.a2b_base64, frames))


def _object(frame: dict[str, Any], key: str) -> dict[str, Any]:
    value = frame.get(key)
    if not isinstance(value, dict):
        raise BadFrame(f"`{key}` is missing")
    return value


def _string(frame: dict[str, Any], key: str) -> str:
    value = frame.get(key)
    if not isinstance(value, str) or not value:
        raise BadFrame(f"`{key}` is missing")
    return value


def _audio(payload: object) -> CallerAudio:
    if not isinstance(payload, str) or not payload:
        raise BadFrame("`payload` is missing")
    try:
        binascii.a2b_base64(payload, strict_mode=True)
    except (binascii.Error, ValueError) as error:
        raise BadFrame("media.payload is not base64") from error
    return payload.encode()
