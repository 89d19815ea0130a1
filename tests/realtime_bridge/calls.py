"""A call session on a bench: feed it, look at what it wants done."""

import base64
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from firstline.domain.facts import FactKind
from firstline.domain.turn import Turn, Usage
from realtime_bridge.protocol.call import CallSession
from realtime_bridge.protocol.commands import (
    AskIfAlive,
    Command,
    Happened,
    LaneFault,
    Report,
    RunTool,
    ToModel,
    ToPhone,
)
from realtime_bridge.protocol.phrases import CallPhrases, Phrase
from realtime_bridge.protocol.realtime import SessionConfig
from realtime_bridge.protocol.rules import NEVER, CallRules
from realtime_bridge.protocol.twilio import (
    DigitPressed,
    MarkReached,
    StreamStarted,
    StreamStopped,
    TwilioStream,
)

CALL = "CA" + "1" * 32
STREAM = "MZ" + "2" * 32
SILENT_MS = 600.0
"""Whoever reads a model's socket tells of a silence about so late."""


def mulaw(ms: int) -> str:
    """Base64 µ-law of this length."""
    return base64.b64encode(b"\xff" * (ms * 8)).decode()


def media_frame(payload: object, **other: object) -> bytes:
    """A frame of the caller's audio as Twilio sends it, with other fields in place of its own."""
    media = {"track": "inbound", "chunk": "1", "timestamp": "0", "payload": payload}
    return orjson.dumps({"event": "media", "sequenceNumber": "2", "media": media, "streamSid": STREAM} | other)


INTERRUPTED_AT_ONCE = CallRules(barge_in_after_ms=0)
"""Every sound of the caller is an interruption: for the rules that have nothing to do with telling sounds apart."""


def phrase(text: str, ms: int) -> Phrase:
    """A phrase of this length, in pieces of 400 ms at most."""
    return Phrase(text, [mulaw(min(400, ms - at)) for at in range(0, ms, 400)])


class Bench:
    """One session and everything it said so far."""

    def __init__(
        self,
        opening_ms: Sequence[int] = (),
        *,
        speculate: bool = True,
        second_hearing: bool = False,
        rules: CallRules = INTERRUPTED_AT_ONCE,
        phrases: CallPhrases | None = None,
        price: Callable[[Usage], float | None] | None = None,
        age_ms: float = 0.0,
        clock_zero: float = 0.0,
        note_of_call: str = "",
        alive: bool = True,
    ) -> None:
        self.answers_pings = alive
        stream = TwilioStream()
        stream.stream_sid = STREAM
        config = SessionConfig("Be kind.", [], "en")
        opening = Phrase("Hello there caller.", [mulaw(ms) for ms in opening_ms])
        self.session = CallSession(
            stream,
            config,
            opening,
            note_of_call=note_of_call,
            speculate=speculate,
            second_hearing=second_hearing,
            rules=rules,
            phrases=phrases,
            price=price,
            age_ms=age_ms,
            clock_zero=clock_zero,
        )
        self.now = 0.0
        self.heard_at: float | None = None
        """When the model, whose session is ready from its first word on, last said something."""
        self.commands: list[Command] = []
        self.marks: list[str] = []

    def start(self) -> None:
        self.session.phone(StreamStarted(STREAM, CALL), self.now)
        self.take()

    def take(self) -> list[Command]:
        """The commands since the last take."""
        fresh = self.session.take_commands()
        self.commands += fresh
        if self.answers_pings and AskIfAlive() in fresh:
            self.heard_at = self.now
            self.session.model_pulse(self.now, alive=True)
        if any(isinstance(command, LaneFault) and command.session_lost for command in fresh):
            self.heard_at = None
        for frame in self.to_phone(fresh):
            if frame["event"] == "mark":
                self.marks.append(frame["mark"]["name"])
        return fresh

    def model(self, kind: str, **fields: Any) -> list[Command]:
        self.heard_at = self.now
        self.session.model({"type": kind, **fields}, self.now)
        return self.take()

    def hear(self, ms: int) -> list[Command]:
        """The caller sends this much audio, 20 ms a frame, in real time."""
        for _ in range(ms // 20):
            self.now += 20
            event = self.session.line.take(media_frame(mulaw(20)))
            assert event is not None
            self.commands.append(ToModel(event))
        return self.take()

    def wait(self, ms: float) -> list[Command]:
        """Time passes; the session is woken whenever it wants to be, and told now and then that the model is silent."""
        until = self.now + ms
        fresh: list[Command] = []
        while (at := min(self.session.wakes_at, silent_at := self._silent_at())) <= until:
            self.now = max(self.now, at)
            if at == silent_at:
                self.session.model_pulse(self.now, alive=False)
            else:
                self.session.tick(self.now)
            fresh += self.take()
        self.now = until
        return fresh

    def _silent_at(self) -> float:
        if self.heard_at is None:
            return NEVER
        return self.heard_at + SILENT_MS * (max(0.0, self.now - self.heard_at) // SILENT_MS + 1)

    def press(self, digits: str) -> list[Command]:
        fresh: list[Command] = []
        for digit in digits:
            self.session.phone(DigitPressed(digit), self.now)
            fresh += self.take()
        return fresh

    def play_all(self) -> list[Command]:
        """The carrier plays everything sent so far."""
        for name in self.marks:
            self.session.phone(MarkReached(name), self.now)
        self.marks.clear()
        return self.take()

    def hang_up(self) -> list[Command]:
        self.session.phone(StreamStopped(), self.now)
        return self.take()

    def caller_says(self, text: str, item: str = "item_u1") -> None:
        """Speech detected, ended and transcribed."""
        self.model("input_audio_buffer.speech_started", item_id=item)
        self.hear(1500)
        self.model("input_audio_buffer.speech_stopped", item_id=item, audio_end_ms=self.session.line.audio_ms)
        self.model("conversation.item.input_audio_transcription.completed", item_id=item, transcript=text)

    def agent_says(self, text: str, ms: int = 1000, response: str = "resp_1", item: str = "item_a1") -> None:
        """A whole response of audio, faster than real time as the model sends it."""
        self.model("response.created", response={"id": response})
        self.model("response.output_audio_transcript.delta", response_id=response, item_id=item, delta=text)
        for _ in range(ms // 100):
            self.model("response.output_audio.delta", response_id=response, item_id=item, delta=mulaw(100))
        self.model("response.output_item.done", item={"type": "message", "id": item, "status": "completed"})
        self.model("response.done", response={"id": response, "status": "completed"})

    def asks_tool(self, name: str, arguments: str = "{}", response: str = "resp_t", call_id: str = "call_1") -> None:
        """A response that is one function call."""
        self.model("response.created", response={"id": response})
        item = {
            "type": "function_call",
            "status": "completed",
            "call_id": call_id,
            "name": name,
            "arguments": arguments,
        }
        self.model("response.output_item.done", item=item)
        self.model("response.done", response={"id": response, "status": "completed"})

    @staticmethod
    def to_phone(commands: Sequence[Command]) -> list[dict[str, Any]]:
        return [orjson.loads(command.data) for command in commands if isinstance(command, ToPhone)]

    @staticmethod
    def to_model(commands: Sequence[Command]) -> list[dict[str, Any]]:
        return [orjson.loads(command.data) for command in commands if isinstance(command, ToModel)]

    def sent_to_model(self, kind: str) -> list[dict[str, Any]]:
        """All events of a kind sent to the model so far."""
        return [event for event in self.to_model(self.commands) if event["type"] == kind]

    @property
    def reports(self) -> list[Report]:
        return [command for command in self.commands if isinstance(command, Report)]

    @property
    def happened(self) -> list[str]:
        return [command.event for command in self.commands if isinstance(command, Happened)]

    @property
    def turns(self) -> list[Turn]:
        """The turns reported as finished."""
        return [r.turn for r in self.reports if r.kind is FactKind.TURN_FINISHED and r.turn is not None]

    @property
    def tools(self) -> list[RunTool]:
        return [command for command in self.commands if isinstance(command, RunTool)]
