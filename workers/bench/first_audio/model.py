"""The scripted Realtime server of the first-audio bench.

Every stage takes its draw, and whether the passages are in the conversation is really looked at. As strict as the
protocol allows: what comes after `speech_stopped` is too late for the turn's response.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import orjson

from workers.bench.bridge.scripted import ScriptedServer, ScriptedSession
from workers.bench.first_audio.stages import Draw, code, draw

QUESTION = "About order {code} how do I reset the password of a guest account in billing"
ANSWER = "Choose Forgot password on the sign-in page and open the link that we send you."
SPEECH_S = (1.0, 2.0)
"""How long a caller speaks: evenly between the two, by turn."""
SILENCE_S = 0.5
"""Where the client sets none; the caller has really stopped so long before the server may call the turn over."""
ANSWER_MS = 1000
SPREAD_S, STEP_S = 4.0, 0.1
"""Calls begin within so long; a few calls sooner."""


@dataclass
class HeldTurn:
    """One turn as it went. Moments are s of the loop's clock."""

    call: int
    turn: int
    drawn: Draw
    ended_at: float = 0.0
    """Where the caller's end of speech could first be told, at the caller: the first-audio clock starts."""
    number: int = 0
    """Of the spoken answer."""
    there: bool = False
    """The passages were in the conversation when the turn ended."""
    late_ms: float = 0.0
    """How much later than drawn the script itself answered."""


@dataclass
class Held:
    """What is known of one pass."""

    turns: list[HeldTurn] = field(default_factory=list)
    quotes: int = 0
    """Look-ups that were put into the conversation without being asked for."""
    asked: int = 0
    """Look-ups that the model had to ask for."""


class DrawnModel(ScriptedServer):
    """A server whose sessions, one for each of `calls`, hold `turns` turns; `begin` starts a pass."""

    def __init__(self, seed: int, calls: int, turns: int) -> None:
        super().__init__(lambda: _Session(self))
        self.seed, self.calls, self.turns = seed, calls, turns
        self.answers = 0
        self.sessions = 0
        self.held = Held()
        self._over = 0
        self._all_over = asyncio.Event()

    def begin(self) -> None:
        """Forget the pass before; sessions are numbered from 0 again."""
        self.held, self.sessions, self._over = Held(), 0, 0
        self._all_over.clear()

    def session_over(self) -> None:
        """A session has held its turns."""
        self._over += 1
        if self._over == self.calls:
            self._all_over.set()

    async def all_over(self) -> None:
        """Returns once every session has held its turns."""
        await self._all_over.wait()


class _Session(ScriptedSession):
    """One call: speaks, is transcribed while speaking, and is answered."""

    def __init__(self, model: DrawnModel) -> None:
        super().__init__()
        self._model = model
        self._call = model.sessions
        model.sessions += 1
        self._asked_to_respond = asyncio.Event()
        self._responses = 0

    def receive(self, event: dict[str, Any]) -> None:
        """A client event."""
        super().receive(event)
        if event["type"] == "response.create":
            self._asked_to_respond.set()
        elif event["type"] == "conversation.item.create" and event["item"]["type"] == "function_call":
            self._model.held.quotes += 1

    async def script(self) -> None:
        """All turns of the call."""
        spread = min(SPREAD_S, STEP_S * self._model.calls)
        await asyncio.sleep(self._call * 0.618 % 1.0 * spread)
        for turn in range(self._model.turns):
            held = HeldTurn(self._call, turn, draw(self._model.seed, self._call, turn))
            await self._hold(held)
            self._model.held.turns.append(held)
            await asyncio.sleep(ANSWER_MS / 1000 + 0.3)
        self._model.session_over()

    async def _hold(self, held: HeldTurn) -> None:
        drawn, item = held.drawn, f"item_u{held.turn}"
        question = QUESTION.format(code=code(held.call, held.turn))
        stopped = await self._speak(item, question, held)
        held.ended_at = stopped + self._silence
        heard_at = held.ended_at + drawn["ingress"]
        await self._until(heard_at, held)
        held.there = self._has_passages(code(held.call, held.turn))
        self.say("input_audio_buffer.speech_stopped", item_id=item, audio_end_ms=0)
        self.say("input_audio_buffer.committed", item_id=item, previous_item_id=None)
        response = self._created()
        understood_at = heard_at + drawn["transcription"]
        await self._until(understood_at, held)
        self.transcribed(item, question)
        if not held.there:
            response = await self._look_up(response, question)
            understood_at = self.loop.time()
        await self._until(understood_at + drawn["decision"] + drawn["speech"], held)
        self._model.answers += 1
        held.number = self._model.answers
        self.answer(held.number, ANSWER, ANSWER_MS, response)

    async def _speak(self, item: str, question: str, held: HeldTurn) -> float:
        """The caller's words, each told once it was spoken, carried and transcribed; returns when they end."""
        least, most = SPEECH_S
        length = least + (most - least) * ((held.call * 0.618 + held.turn * 0.382) % 1.0)
        began, lag = self.loop.time(), held.drawn["ingress"] + held.drawn["transcription"]
        self.say("input_audio_buffer.speech_started", item_id=item, audio_start_ms=0)
        words = question.split()
        for number, word in enumerate(words, start=1):
            await self._until(began + length * number / len(words) + lag, held)
            self.hear(item, word if number == 1 else f" {word}")
        return began + length

    async def _look_up(self, response: str, question: str) -> str:
        """Ask for the passages and wait for them; returns the response that goes on."""
        self._model.held.asked += 1
        self._asked_to_respond.clear()
        call = {
            "id": f"item_c{self._model.held.asked}",
            "type": "function_call",
            "status": "completed",
            "call_id": f"call_{self._model.held.asked}",
            "name": "lookup_article",
            "arguments": orjson.dumps({"query": question}).decode(),
        }
        self.say("response.output_item.done", response_id=response, output_index=0, item=call)
        self.say("response.done", response={"id": response, "status": "completed", "usage": None})
        await self._asked_to_respond.wait()
        return self._created()

    def _created(self) -> str:
        self._responses += 1
        response = f"resp_{self._call}_{self._responses}"
        self.say("response.created", response={"id": response, "status": "in_progress"})
        return response

    def _has_passages(self, word: str) -> bool:
        calls = {i["call_id"] for i in self.items.values() if i["type"] == "function_call" and word in i["arguments"]}
        return any(i["type"] == "function_call_output" and i["call_id"] in calls for i in self.items.values())

    @property
    def _silence(self) -> float:
        """Of the end of a turn, as the client set it, s."""
        detection = self.config.get("audio", {}).get("input", {}).get("turn_detection") or {}
        return float(detection.get("silence_duration_ms", SILENCE_S * 1000)) / 1000

    async def _until(self, due: float, held: HeldTurn) -> None:
        await asyncio.sleep(max(0.0, due - self.loop.time()))
        held.late_ms = (self.loop.time() - due) * 1000
