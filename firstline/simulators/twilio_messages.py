"""Media Streams messages, as Twilio writes and reads them. No I/O.

Source: Twilio's "Media Streams - WebSocket Messages" reference. Numbers travel as strings, but for the media format.
"""

import base64
import binascii
import json
from dataclasses import dataclass, field
from typing import Any

from firstline.simulators.mulaw import FRAME_MS, RATE


class BadMessage(Exception):
    """What the server sent is not a Media Streams message; the text says why. Twilio's code for it is 31951."""


@dataclass(frozen=True)
class Media:
    """Audio to play: µ-law bytes."""

    audio: bytes


@dataclass(frozen=True)
class Mark:
    """Echo this name when playback gets here."""

    name: str


@dataclass(frozen=True)
class Clear:
    """Drop what is not played yet."""


def read(text: str | bytes, stream_sid: str) -> Media | Mark | Clear:
    """A server's message. Raises `BadMessage`."""
    try:
        message = json.loads(text)
        if message["streamSid"] != stream_sid:
            raise BadMessage("streamSid is not this stream's")
        match message["event"]:
            case "media":
                return Media(base64.b64decode(message["media"]["payload"], validate=True))
            case "mark":
                return Mark(str(message["mark"]["name"]))
            case "clear":
                return Clear()
            case event:
                raise BadMessage(f"unknown event {event!r}")
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise BadMessage(f"{type(error).__name__}: {error}") from error


@dataclass
class StreamMessages:
    """Writes one stream's messages in order, each as JSON text."""

    account_sid: str
    call_sid: str
    stream_sid: str
    parameters: dict[str, str] = field(default_factory=dict)
    _sequence: int = 0
    _chunk: int = 0

    def connected(self) -> str:
        """The first message, the only one without a sequence number."""
        return json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"})

    def start(self) -> str:
        """The stream's metadata."""
        details = {
            "accountSid": self.account_sid,
            "streamSid": self.stream_sid,
            "callSid": self.call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": RATE, "channels": 1},
            "customParameters": self.parameters,
        }
        return self._write("start", {"start": details})

    def media(self, frame: bytes) -> str:
        """20 ms from the caller; `timestamp` is ms since the stream's start."""
        self._chunk += 1
        details = {
            "track": "inbound",
            "chunk": str(self._chunk),
            "timestamp": str((self._chunk - 1) * FRAME_MS),
            "payload": base64.b64encode(frame).decode(),
        }
        return self._write("media", {"media": details})

    def mark(self, name: str) -> str:
        """Playback got to the server's mark, or it was cleared."""
        return self._write("mark", {"mark": {"name": name}})

    def dtmf(self, digit: str) -> str:
        """The caller pressed a key."""
        return self._write("dtmf", {"dtmf": {"track": "inbound_track", "digit": digit}})

    def stop(self) -> str:
        """The call ended or was moved; nothing follows."""
        return self._write("stop", {"stop": {"accountSid": self.account_sid, "callSid": self.call_sid}})

    def _write(self, event: str, details: dict[str, Any]) -> str:
        self._sequence += 1
        envelope = {"event": event, "sequenceNumber": str(self._sequence), "streamSid": self.stream_sid}
        return json.dumps(envelope | details)
