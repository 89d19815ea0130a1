"""A Realtime server that says exactly what a test tells it to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Any

import orjson
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response


class ModelSession:
    """One session, from the model's side."""

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket
        self.received: list[dict[str, Any]] = []
        self._changed = asyncio.Condition()

    async def note(self, event: dict[str, Any]) -> None:
        async with self._changed:
            self.received.append(event)
            self._changed.notify_all()

    async def sent(self, kind: str, count: int = 1, item_type: str = "") -> dict[str, Any]:
        """The `count`-th event of this kind that the bridge sent, once it has; of items, only those of `item_type`."""

        def found() -> list[dict[str, Any]]:
            events = [event for event in self.received if event["type"] == kind]
            return [event for event in events if not item_type or event["item"]["type"] == item_type]

        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(lambda: len(found()) >= count)
            return found()[count - 1]

    def count(self, kind: str) -> int:
        """How many events of this kind came so far."""
        return sum(event["type"] == kind for event in self.received)

    async def say(self, kind: str, **fields: Any) -> None:
        await self.socket.send(orjson.dumps({"type": kind, "event_id": "event_1", **fields}).decode())

    async def ask_tool(self, name: str, arguments: dict[str, Any], call_id: str = "call_1") -> None:
        """A response that is one function call."""
        await self.say("response.created", response={"id": "resp_t"})
        item = {
            "type": "function_call",
            "status": "completed",
            "call_id": call_id,
            "name": name,
            "arguments": orjson.dumps(arguments).decode(),
        }
        await self.say("response.output_item.done", item=item)
        await self.say("response.done", response={"id": "resp_t", "status": "completed"})

    async def hear(self, text: str, item_id: str = "item_u1") -> None:
        """Detect, end and transcribe something the caller said."""
        await self.say("input_audio_buffer.speech_started", item_id=item_id, audio_start_ms=0)
        await self.say("input_audio_buffer.speech_stopped", item_id=item_id, audio_end_ms=500)
        await self.say("conversation.item.input_audio_transcription.completed", item_id=item_id, transcript=text)

    async def speak(self, text: str, audio: str, response: str = "resp_1", item: str = "item_a1") -> None:
        """A whole spoken response in one piece of base64 µ-law."""
        await self.say("response.created", response={"id": response})
        await self.say("response.output_audio_transcript.delta", response_id=response, item_id=item, delta=text)
        await self.say("response.output_audio.delta", response_id=response, item_id=item, delta=audio)
        await self.say("response.output_item.done", item={"type": "message", "id": item, "status": "completed"})
        await self.say("response.done", response={"id": response, "status": "completed"})


class ScriptedModel:
    """Accepts sessions; `session()` gives the next one."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.refusal: tuple[int, dict[str, str], str] | None = None
        """(status, headers, body) of the answer to an upgrade; None accepts it."""
        self.configures = True
        """Whether `session.update` is answered."""
        self.headers: list[dict[str, str]] = []
        self.sessions: asyncio.Queue[ModelSession] = asyncio.Queue()

    async def session(self) -> ModelSession:
        return await asyncio.wait_for(self.sessions.get(), 10)


@asynccontextmanager
async def scripted_model() -> AsyncIterator[ScriptedModel]:
    """A server on loopback."""
    model: ScriptedModel

    async def accept(socket: ServerConnection) -> None:
        assert socket.request is not None
        model.headers.append({name.lower(): value for name, value in socket.request.headers.raw_items()})
        session = ModelSession(socket)
        await model.sessions.put(session)
        with suppress(ConnectionClosed):  # a bridge that is killed says no goodbye
            async for message in socket:
                event = orjson.loads(message)
                if event["type"] == "session.update" and model.configures:
                    await session.say("session.updated", session=event["session"])
                await session.note(event)

    def refuse(socket: ServerConnection, request: Request) -> Response | None:
        if model.refusal is None:
            return None
        status, headers, body = model.refusal
        response = socket.respond(HTTPStatus(status), body)
        response.headers.update(headers)
        return response

    async with serve(accept, "127.0.0.1", 0, process_request=refuse) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        model = ScriptedModel(f"ws://127.0.0.1:{port}/v1/realtime")
        yield model
