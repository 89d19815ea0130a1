"""Drives a session without sockets: the caller is loud or silent bytes, results come when the test says so."""

import base64
import itertools
from typing import Any

import numpy as np

from firstline.speech.answer import Part, Say
from firstline.speech.audio import Samples
from firstline.speech.commands import Answer, Command, Send, Speak, Transcribe
from firstline.speech.session import Session
from firstline.speech.transcript import Transcript

LOUD, QUIET = b"\x80", b"\xff"
"""µ-law at full scale, and silence."""

PCMU = {"type": "audio/pcmu"}
PHONE: dict[str, Any] = {
    "type": "realtime",
    "audio": {
        "input": {"format": PCMU, "transcription": {"model": "whisper-1"}},
        "output": {"format": PCMU},
    },
    "tools": [{"type": "function", "name": "lookup_article", "parameters": {}}],
}


class Driver:
    """A session with everything it asked for so far; `turn_detection` and more go in as changes."""

    def __init__(self, *, update: dict[str, Any] | None = None, languages: frozenset[str] | None = None) -> None:
        counter = itertools.count(1)

        def loudness(frame: Samples) -> float:
            return 0.95 if float(np.mean(np.abs(frame))) > 0.1 else 0.05

        self.session = Session("test", loudness, lambda prefix: f"{prefix}_{next(counter)}", languages)
        self.commands: list[Command] = []
        self.session.begin(expires_at=3600)
        self.send({"type": "session.update", "session": update or PHONE})

    def send(self, event: Any) -> list[dict[str, Any]]:
        """A client event; returns the server events that it caused."""
        self.session.receive(event)
        return self.collect()

    def collect(self) -> list[dict[str, Any]]:
        """Server events since the last call."""
        commands = self.session.take_commands()
        self.commands += commands
        return [command.event for command in commands if isinstance(command, Send)]

    @property
    def sent(self) -> list[dict[str, Any]]:
        """Every server event so far."""
        return [command.event for command in self.commands if isinstance(command, Send)]

    def hear(self, sound: bytes, ms: int) -> list[dict[str, Any]]:
        """So much of the caller, in 20 ms frames."""
        audio = base64.b64encode(sound * 160).decode()
        events = []
        for _ in range(ms // 20):
            events += self.send({"type": "input_audio_buffer.append", "audio": audio})
        return events

    def last(self, kind: type[Any]) -> Any:
        """The newest command of a kind."""
        return next(command for command in reversed(self.commands) if isinstance(command, kind))

    def transcribed(self, text: str) -> list[dict[str, Any]]:
        """The newest transcription is done."""
        self.session.transcribed(self.last(Transcribe).ticket, Transcript(text, "en", -0.1, 0.0))
        return self.collect()

    def turn(self, text: str) -> list[dict[str, Any]]:
        """The caller speaks for a second; the transcript comes while the end is not yet certain."""
        events = self.hear(LOUD, 1000) + self.hear(QUIET, 300)
        events += self.transcribed(text)
        return events + self.hear(QUIET, 400)

    def answer(self, *parts: Part) -> list[dict[str, Any]]:
        """The answerer answers the newest request."""
        response_id = self.last(Answer).response_id
        for part in parts:
            self.session.responding.answered(response_id, part)
        self.session.responding.answer_ended(response_id)
        return self.collect()

    def speak(self, text: str, ms: int) -> list[dict[str, Any]]:
        """The voice makes a piece of the newest part."""
        self.session.responding.spoke(self.last(Speak).response_id, text, QUIET * 8 * ms)
        return self.collect()

    def spoken(self) -> list[dict[str, Any]]:
        """The voice is done with the newest part."""
        self.session.responding.speech_ended(self.last(Speak).response_id)
        return self.collect()

    def say_something(self, text: str = "It takes seven days.", ms: int = 2000) -> list[dict[str, Any]]:
        """A whole spoken response, asked for by the client."""
        events = self.send({"type": "response.create"}) + self.answer(Say(text))
        return events + self.speak(text, ms) + self.spoken()


def types(events: list[dict[str, Any]]) -> list[str]:
    """The events' types."""
    return [event["type"] for event in events]


def only(events: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """The one event of a type."""
    found = [event for event in events if event["type"] == kind]
    assert len(found) == 1, f"{len(found)} events of type {kind} among {types(events)}"
    return found[0]
