"""A caller of the chained lane: speaks in real time as a telephone does, and answers look-ups as the bridge does."""

import asyncio
import binascii
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import orjson
from websockets.asyncio.client import ClientConnection, connect

from realtime_bridge.protocol import realtime
from realtime_bridge.tools.schemas import tool_schemas

FRAME_MS = 20
FRAME_BYTES = 160
SILENCE = b"\xff"
PATIENCE_SECONDS = 20.0
INSTRUCTIONS = "Answer the caller in one or two short sentences, only from what lookup_article returns.\nlanguage: en\n"


@dataclass(frozen=True)
class Question:
    """One spoken question and what a search for it finds."""

    text: str
    sound: bytes
    """µ-law, 8 kHz."""
    found: dict[str, Any]
    """What `lookup_article` returns."""


class NoAnswer(Exception):
    """The server did not speak in time."""


class Caller:
    """One call. With `ahead`, what a search finds is in the conversation before the question is over."""

    def __init__(self, socket: ClientConnection, ahead: bool) -> None:
        self._socket = socket
        self._ahead = ahead
        self._line = b""
        self._question: Question | None = None
        self._looked_up = 0
        self._stopped_at = 0.0
        self._heard = asyncio.Event()
        self._over = asyncio.Event()
        self._first_audio_ms = 0.0
        self._tasks: Sequence[asyncio.Task[None]] = ()

    @classmethod
    async def dial(cls, url: str, ahead: bool) -> Self:
        """Connect, with the session that the bridge asks for."""
        socket = await connect(f"{url}?model=bench", compression=None, max_size=None)
        caller = cls(socket, ahead)
        config = realtime.SessionConfig(INSTRUCTIONS, tool_schemas(), "en")
        await socket.send(realtime.session_update(config).decode())
        caller._tasks = (asyncio.create_task(caller._listen()), asyncio.create_task(caller._speak()))
        return caller

    async def ask(self, question: Question) -> float:
        """Say it and listen to the whole answer; ms from end of speech detected to first audio. Raises `NoAnswer`."""
        self._question, self._stopped_at = question, 0.0
        self._heard.clear()
        self._line = question.sound
        try:
            await asyncio.wait_for(self._heard.wait(), PATIENCE_SECONDS + len(question.sound) / 8000)
            await asyncio.wait_for(self._over.wait(), PATIENCE_SECONDS)
        except TimeoutError:
            raise NoAnswer(question.text) from None
        return self._first_audio_ms

    async def hang_up(self) -> None:
        """Close the connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._socket.close()

    async def _speak(self) -> None:
        began, sent = time.perf_counter(), 0
        while True:
            frame, self._line = self._line[:FRAME_BYTES], self._line[FRAME_BYTES:]
            frame += SILENCE * (FRAME_BYTES - len(frame))
            await self._socket.send(realtime.append_audio(binascii.b2a_base64(frame, newline=False)).decode())
            sent += 1
            await asyncio.sleep(max(0.0, began + sent * FRAME_MS / 1000 - time.perf_counter()))

    async def _listen(self) -> None:
        async for message in self._socket:
            await self._take(orjson.loads(message))

    async def _take(self, event: dict[str, Any]) -> None:
        match event["type"]:
            case "input_audio_buffer.speech_started":
                self._looked_up += self._ahead
                if self._ahead and self._question is not None:
                    await self._quote(self._question)
            case "input_audio_buffer.speech_stopped":
                self._stopped_at = time.perf_counter()
            case "response.created":
                self._over.clear()
            case "response.output_audio.delta" if self._stopped_at:
                self._first_audio_ms = (time.perf_counter() - self._stopped_at) * 1000
                self._stopped_at = 0.0
                self._heard.set()
            case "response.output_item.done" if event["item"]["type"] == "function_call":
                await self._answer(event["item"])
            case "response.done":
                self._over.set()

    async def _quote(self, question: Question) -> None:
        """As the bridge does once a search for the caller's first words came back."""
        call_id = f"ahead_{self._looked_up}"
        arguments = json.dumps({"query": question.text})
        call = {"type": "function_call", "call_id": call_id, "name": "lookup_article", "arguments": arguments}
        await self._socket.send(json.dumps({"type": "conversation.item.create", "item": call}))
        await self._socket.send(realtime.tool_output(call_id, json.dumps(question.found)).decode())

    async def _answer(self, call: dict[str, Any]) -> None:
        found = self._question.found if self._question and call["name"] == "lookup_article" else {"say": "Certainly."}
        await self._socket.send(realtime.tool_output(call["call_id"], json.dumps(found)).decode())
        # The response that called is over before the next is asked for.
        asyncio.get_running_loop().call_soon(asyncio.ensure_future, self._go_on())

    async def _go_on(self) -> None:
        await asyncio.wait_for(self._over.wait(), PATIENCE_SECONDS)
        self._over.clear()
        await self._socket.send(realtime.response_create().decode())
