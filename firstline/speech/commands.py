"""What a session wants done: its only way to act on the world. The shell performs these in order."""

from dataclasses import dataclass
from typing import Any

from firstline.speech.answer import Request
from firstline.speech.audio import AudioFormat, Samples


@dataclass(frozen=True)
class Send:
    """Send this server event to the client."""

    event: dict[str, Any]


@dataclass(frozen=True)
class Transcribe:
    """Write down this sound; hand the result to `Session.transcribed` with the ticket."""

    ticket: int
    samples: Samples
    rate: int
    language: str | None
    """ISO 639-1; None lets a multilingual model decide."""
    prompt: str
    """Names and words to expect; empty for none."""
    optional: bool = False
    """True for a glimpse while the caller still speaks: when the transcriber is busy, its result is None."""


@dataclass(frozen=True)
class Answer:
    """Ask the answerer; hand its parts to `Session.answered`, then call `Session.answer_ended`."""

    response_id: str
    request: Request


@dataclass(frozen=True)
class Speak:
    """Say this; hand each piece to `Session.spoke` as it is made, then call `Session.speech_ended`."""

    response_id: str
    text: str
    language: str
    form: AudioFormat
    speed: float
    """1.0 is the voice's own pace."""


@dataclass(frozen=True)
class Stop:
    """Stop answering and speaking for this response; nothing more of it is wanted."""

    response_id: str


Command = Send | Transcribe | Answer | Speak | Stop
