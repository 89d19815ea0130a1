"""The scripted realtime model: keeps to the published protocol, thinks as long as it is told, measures what arrives."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from workers.bench.bridge.scripted import ScriptedServer, ScriptedSession
from workers.bench.bridge.stamps import FLOOD, read_stamp

SPEECH_S = 1.5
"""How long the scripted caller speaks in a turn."""
QUESTION = "How do I reset my password?"
"""What they say, heard word by word while they speak."""
ANSWER = "Choose Forgot password on the sign-in page."
THINK_S = 0.3
INTERRUPTED_AFTER_S = 0.9
"""Every second answer is interrupted this long after it began."""
REST_S = 2.2
"""Of silence after an answer that was heard out."""


@dataclass(frozen=True)
class Pace:
    """How fast turns follow each other. Phone calls are several times slower than this script by itself."""

    answer_s: float = 2.0
    """How much the agent says; all of it is sent at once."""
    pause_s: float = 0.0
    """Silence after every turn, beyond the script's own."""

    @property
    def turn_s(self) -> float:
        """From one turn to the next, on average."""
        heard_out = self.answer_s + REST_S
        return SPEECH_S + THINK_S + (INTERRUPTED_AFTER_S + heard_out) / 2 + self.pause_s


@dataclass
class ModelFigures:
    """What the model's side measured."""

    up_ms: list[float] = field(default_factory=list)
    """Caller audio: phone -> model."""
    received: int = 0
    truncations: list[tuple[int, int, float]] = field(default_factory=list)
    """(answer number, ms told, moment told on the loop's clock)."""
    errors: int = 0

    def forget(self) -> None:
        """Begin to measure anew."""
        self.up_ms.clear()
        self.truncations.clear()


class ScriptedModel(ScriptedServer):
    """A server for any number of sessions."""

    def __init__(self, pace: Pace | None = None) -> None:
        super().__init__(lambda: _Session(self))
        self.pace = pace or Pace()
        self.figures = ModelFigures()
        self.answers = 0
        self.sessions = 0


class _Session(ScriptedSession):
    """One session: turn after turn at the model's pace, every second answer interrupted."""

    def __init__(self, model: ScriptedModel) -> None:
        super().__init__()
        self._model = model
        self._number = model.sessions
        model.sessions += 1
        self._turn = 0
        self._numbers: dict[str, int] = {}

    def receive(self, event: dict[str, Any]) -> None:
        """A client event; caller audio, of which there is most, is measured."""
        if event["type"] == "input_audio_buffer.append":
            self._model.figures.received += 1
            age, number = read_stamp(event["audio"])
            if number != FLOOD:
                self._model.figures.up_ms.append(age)
        elif event["type"] == "conversation.item.truncate":
            told = (self._numbers.get(event["item_id"], -1), int(event["audio_end_ms"]), self.loop.time())
            self._model.figures.truncations.append(told)
        else:
            super().receive(event)

    async def script(self) -> None:
        """Turn after turn."""
        # Spread over two turns by the golden ratio: calls do not take turns in step, and every run is the same.
        pace = self._model.pace
        await asyncio.sleep(self._number * 0.618 % 1.0 * 2 * pace.turn_s)
        while True:
            self._turn += 1
            item = f"item_u{self._turn}"
            self.say("input_audio_buffer.speech_started", item_id=item, audio_start_ms=0)
            for number, word in enumerate(QUESTION.split()):
                await asyncio.sleep(SPEECH_S / len(QUESTION.split()))
                self.hear(item, f" {word}" if number else word)
            self.say("input_audio_buffer.speech_stopped", item_id=item, audio_end_ms=0)
            self.say("input_audio_buffer.committed", item_id=item, previous_item_id=None)
            self.transcribed(item, QUESTION)
            await asyncio.sleep(THINK_S)
            self._model.answers += 1
            answer = self.answer(self._model.answers, ANSWER, round(pace.answer_s * 1000))
            self._numbers[answer] = self._model.answers
            interrupted = self._turn % 2 == 1
            await asyncio.sleep(INTERRUPTED_AFTER_S if interrupted else pace.answer_s + REST_S)
            if not interrupted:
                await asyncio.sleep(2 * pace.pause_s)  # of both: the turn before was cut by this one
