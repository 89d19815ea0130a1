"""One client: performs what its session decides."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, Protocol

import structlog

from firstline.speech.answer import AnswerFailed
from firstline.speech.audio import Samples
from firstline.speech.commands import Answer, Send, Speak, SpeakNoMore, SpeakOn, Stop, Transcribe
from firstline.speech.config import Refused
from firstline.speech.engine import SpeechEngine
from firstline.speech.hear import SpeechProbability
from firstline.speech.history import History
from firstline.speech.session import Session
from firstline.speech.speak import Clauses
from firstline.speech.stages import Record, Stopwatch, measure

log = structlog.get_logger()


class ClientGone(Exception):
    """The client has left."""


class ClientSocket(Protocol):
    """A client's WebSocket."""

    def __aiter__(self) -> AsyncIterator[str | bytes]:
        """Its messages, until it leaves."""
        ...

    async def send(self, text: str) -> None:
        """Raises `ClientGone`."""
        ...

    async def close(self, code: int, reason: str) -> None:
        """Harmless when it has left."""
        ...


def _now() -> float:
    return time.perf_counter() * 1000


def _timed(probability: SpeechProbability, record: Record) -> SpeechProbability:
    """The same detector, its work measured."""

    def timed(frame: Samples) -> float:
        began = _now()
        found = probability(frame)
        record("detection", _now() - began)
        return found

    return timed


def _new_id(prefix: str) -> str:
    return f"{prefix}_{uuid.uuid4().hex[:20]}"


class Connection:
    """Reads events, runs the session's commands, writes events; nothing slow is awaited by the reader."""

    def __init__(self, socket: ClientSocket, engine: SpeechEngine, model: str, record: Record = measure) -> None:
        self._socket = socket
        self._engine = engine
        self._watch = Stopwatch(record)
        probability = _timed(engine.speech_probability(), record)
        self.session = Session(model, probability, _new_id, engine.transcriber.languages)
        self._unsent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._of_response: dict[str, set[asyncio.Task[None]]] = {}
        self._words: dict[str, Clauses] = {}
        """What each response speaks, while more of it may come."""

    async def run(self, expires_at: int) -> None:
        """Until the client leaves; `expires_at` in seconds since the epoch is told to the client."""
        self.session.begin(expires_at)
        self._perform()
        writer = asyncio.create_task(self._write())
        try:
            async for message in self._socket:
                self._read(message)
                self._perform()
        finally:
            for task in (writer, *self._tasks):
                task.cancel()
            await asyncio.gather(writer, *self._tasks, return_exceptions=True)

    async def expire(self, seconds: float) -> None:
        """Tell the client that the session has lasted as long as it may, and close; for after `run`."""
        message = f"Your session hit the maximum duration of {seconds / 60:g} minutes."
        self.session.refuse(Refused("session_expired", message))
        for command in self.session.take_commands():
            if isinstance(command, Send):
                await self._socket.send(json.dumps(command.event))
        await self._socket.close(1001, message)

    def _read(self, message: str | bytes) -> None:
        try:
            event = json.loads(message)
        except ValueError:
            self.session.refuse(Refused("invalid_json", "an event is one JSON object in a text message"))
            return
        try:
            self.session.receive(event)
        except Exception:
            # A fault of ours in one event must not end a call.
            log.exception("event_failed", session_id=self.session.id)
            self.session.refuse(Refused("server_error", "the server failed to handle this event"))

    async def _write(self) -> None:
        while True:
            event = await self._unsent.get()
            try:
                await self._socket.send(json.dumps(event, ensure_ascii=False))
            except ClientGone:
                return  # the reader ends the connection

    def _perform(self) -> None:
        for command in self.session.take_commands():
            match command:
                case Send(event):
                    self._unsent.put_nowait(event)
                    self._note(event)
                case Transcribe():
                    self._start(self._transcribe(command))
                case Answer():
                    self._watch.asked(command.response_id, _now())
                    self._start(self._answer(command), command.response_id)
                case Speak():
                    self._begin_to_speak(command)
                case SpeakOn(response_id, text):
                    self._words[response_id].add(text)
                case SpeakNoMore(response_id):
                    self._words.pop(response_id).end()
                case Stop(response_id):
                    self._words.pop(response_id, None)
                    for task in self._of_response.pop(response_id, set()):
                        task.cancel()

    def _note(self, event: dict[str, Any]) -> None:
        match event["type"]:
            case "input_audio_buffer.speech_stopped":
                self._watch.stopped(_now())
            case "response.done":
                self._watch.over(event["response"]["id"])

    def _begin_to_speak(self, command: Speak) -> None:
        self._watch.speaks(command.response_id, _now())
        self._words[command.response_id] = words = Clauses(command.text)
        self._start(self._speak(command, words), command.response_id)

    def _start(self, work: Any, response_id: str | None = None) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        group = self._of_response.setdefault(response_id, set()) if response_id else set()
        for tasks in (self._tasks, group):
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    async def _transcribe(self, command: Transcribe) -> None:
        if command.optional and self._engine.transcriber.busy:
            self.session.transcribed(command.ticket, None)
            return
        began = _now()
        try:
            result = await self._engine.transcriber.transcribe(
                command.samples, command.rate, command.language, command.prompt
            )
            self._watch.record("whisper", _now() - began)
        except Exception:
            # Whatever broke in the model ends this transcript, not the call; the client is told.
            log.exception("transcription_failed")
            result = None
        self.session.transcribed(command.ticket, result)
        self._perform()

    async def _answer(self, command: Answer) -> None:
        responding = self.session.responding
        if command.form is not None:
            self._engine.speaker.prepare(History(command.request).language, command.form)
        try:
            async with aclosing(self._engine.answerer.answer(command.request)) as parts:
                async for part in parts:
                    self._watch.answered(command.response_id, part, _now())
                    responding.answered(command.response_id, part)
                    self._perform()
        except AnswerFailed as failed:
            log.warning("answer_failed", session_id=self.session.id, code=failed.code)
            responding.answer_failed(command.response_id, failed.code)
        except Exception:
            log.exception("answer_failed", session_id=self.session.id)
            responding.answer_failed(command.response_id, "answer_failed")
        else:
            responding.answer_ended(command.response_id)
        self._perform()

    async def _speak(self, command: Speak, words: Clauses) -> None:
        speaker = self._engine.speaker
        try:
            stream = speaker.stream(words, command.language, command.form, command.speed)
            async with aclosing(stream) as pieces:
                async for piece in pieces:
                    self._watch.sounds(command.response_id, _now())
                    self.session.responding.spoke(command.response_id, piece.text, piece.data)
                    self._perform()
        except Exception:
            log.exception("speech_failed")
            self.session.responding.failed(command.response_id, "speech_failed")
        else:
            self.session.responding.speech_ended(command.response_id)
        self._perform()
