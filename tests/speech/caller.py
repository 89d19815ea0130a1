"""A caller on the line: the official `openai` client, speaking in real time, with every server event checked."""

import asyncio
import base64
import json
import time
from collections.abc import Callable
from typing import Any, Self

from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection

from firstline.speech.audio import AudioFormat
from firstline.speech.server import SpeechServer

FRAME_MS = 20
SILENCE = b"\xff"
LOOKUP = {
    "type": "function",
    "name": "lookup_article",
    "description": "Find passages.",
    "parameters": {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]},
}


def phone_session(**changes: Any) -> dict[str, Any]:
    """G.711 both ways, transcription told, one tool."""
    form = {"type": "audio/pcmu"}
    audio = {
        "input": {"format": form, "transcription": {"model": "whisper-1", "language": "en"}},
        "output": {"format": form},
    }
    return {"type": "realtime", "audio": audio, "tools": [LOOKUP], **changes}


class Caller:
    """Records every event; `at` holds when each arrived, in seconds of `time.perf_counter`."""

    def __init__(self, connection: AsyncRealtimeConnection, check: Callable[[dict[str, Any]], None]) -> None:
        self.connection = connection
        self.events: list[dict[str, Any]] = []
        self.at: list[float] = []
        self._check = check
        self._arrived = asyncio.Condition()
        self._line = SILENCE
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    async def dial(
        cls, server: SpeechServer, check: Callable[[dict[str, Any]], None], **session: Any
    ) -> "tuple[Self, Any]":
        """Connect; returns the caller and the client's context manager, to be left with `hang_up`."""
        client = AsyncOpenAI(api_key="anything", websocket_base_url=f"ws://{server.host}:{server.port}/v1")
        manager = client.realtime.connect(model="gpt-realtime-2")
        caller = cls(await manager.__aenter__(), check)
        caller._tasks.append(asyncio.create_task(caller._listen()))
        await caller.until("session.created")
        await caller.connection.session.update(session=phone_session(**session))  # type: ignore[arg-type]
        await caller.until("session.updated")
        return caller, manager

    async def hang_up(self, manager: Any) -> None:
        """Close the connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await manager.__aexit__(None, None, None)

    def open_line(self) -> None:
        """From now on a 20 ms frame goes out every 20 ms: silence, unless `say` has something."""
        self._tasks.append(asyncio.create_task(self._send_frames()))

    def say(self, speech: bytes) -> None:
        """Begin to speak (µ-law), without waiting."""
        self._line = speech

    async def send_sound(self, data: bytes) -> None:
        """All of it at once, as a push-to-talk client may."""
        await self.connection.input_audio_buffer.append(audio=base64.b64encode(data).decode())

    async def until(self, kind: str, after: int = 0) -> dict[str, Any]:
        """The first event of a type at or after a position in `events`."""

        def found() -> dict[str, Any] | None:
            return next((event for event in self.events[after:] if event["type"] == kind), None)

        async with asyncio.timeout(20), self._arrived:
            await self._arrived.wait_for(lambda: found() is not None)
        event = found()
        assert event is not None
        return event

    async def answer_tool(self, call: dict[str, Any], output: dict[str, Any]) -> None:
        """Hand a tool's result over and ask for the reply."""
        item = {"type": "function_call_output", "call_id": call["call_id"], "output": json.dumps(output)}
        await self.connection.conversation.item.create(item=item)  # type: ignore[arg-type]
        await self.connection.response.create()

    def audio(self, after: int = 0) -> bytes:
        """All speech since a position in `events`."""
        kind = "response.output_audio.delta"
        return b"".join(base64.b64decode(event["delta"]) for event in self.events[after:] if event["type"] == kind)

    def when(self, kind: str, after: int = 0) -> float:
        """When the first event of a type arrived."""
        return next(at for event, at in zip(self.events[after:], self.at[after:], strict=True) if event["type"] == kind)

    async def _listen(self) -> None:
        while True:
            raw = await self.connection.recv_bytes()
            event = json.loads(raw)
            self._check(event)
            self.connection.parse_event(raw)  # the official client's own types accept it
            async with self._arrived:
                self.at.append(time.perf_counter())
                self.events.append(event)
                self._arrived.notify_all()

    async def _send_frames(self) -> None:
        size, sent, started = FRAME_MS * AudioFormat.PCMU.bytes_per_ms, 0, time.perf_counter()
        while True:
            frame, self._line = self._line[:size], self._line[size:]
            frame += SILENCE * (size - len(frame))
            await self.connection.input_audio_buffer.append(audio=base64.b64encode(frame).decode())
            sent += 1
            await asyncio.sleep(max(0.0, started + sent * FRAME_MS / 1000 - time.perf_counter()))
