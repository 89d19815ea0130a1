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
    """Ask the answerer; hand its parts to `Responding.answered`, then call `Responding.answer_ended`."""

    response_id: str
    request: Request
    form: AudioFormat | None
    """How the answer will be spoken; None when it is to be written."""


@dataclass(frozen=True)
class Speak:
    """Begin to speak: this, and what `SpeakOn` adds to it until `SpeakNoMore`.

    Hand each piece to `Responding.spoke` as it is made; when all is said, call `Responding.speech_ended`.
    """

    response_id: str
    text: str
    language: str
    form: AudioFormat
    speed: float
    """1.0 is the voice's own pace."""


@dataclass(frozen=True)
class SpeakOn:
    """Go on speaking for this response: the next words."""

    response_id: str
    text: str


@dataclass(frozen=True)
class SpeakNoMore:
    """No more words will come for what this response is speaking."""

    response_id: str


@dataclass(frozen=True)
class Stop:
    """Stop answering and speaking for this response; nothing more of it is wanted."""

    response_id: str


Command = Send | Transcribe | Answer | Speak | SpeakOn | SpeakNoMore | Stop
