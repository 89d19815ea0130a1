"""The smallest thing a carrier can talk to: webhooks that answer with given TwiML, and a media socket."""

import asyncio
import base64
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from twilio.request_validator import RequestValidator
from websockets.asyncio.server import ServerConnection, serve

from tests.simulators.serving import Slot

AUTH_TOKEN = "test-auth-token"


@dataclass
class Webhook:
    """A request that the carrier made."""

    path: str
    query: dict[str, str]
    form: dict[str, str]
    signed: bool


class MediaSocket:
    """The server's end of a media stream."""

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket
        self.messages: list[dict[str, Any]] = []
        self.stream_sid = ""

    async def next(self, event: str) -> dict[str, Any]:
        """Read on to the next message of that kind."""
        while True:
            message: dict[str, Any] = json.loads(await self.socket.recv())
            self.messages.append(message)
            if message["event"] == "start":
                self.stream_sid = message["streamSid"]
            if message["event"] == event:
                return message

    async def send(self, event: str, **values: Any) -> None:
        await self.socket.send(json.dumps({"event": event, "streamSid": self.stream_sid} | values))

    async def play(self, audio: bytes) -> None:
        await self.send("media", media={"payload": base64.b64encode(audio).decode()})

    async def mark(self, name: str) -> None:
        await self.send("mark", mark={"name": name})


Conversation = Callable[[MediaSocket], Awaitable[None]]


async def listen(media: MediaSocket) -> None:
    """Say nothing until the carrier closes."""
    async for text in media.socket:
        media.messages.append(json.loads(text))


@dataclass
class TinyBridge:
    """`answers` maps a path to TwiML (`{media}` is the media socket's URL) or to a status; `converse` is the agent.

    A list is one answer a request, the last for ever after.
    """

    url: str = ""
    media_url: str = ""
    answers: dict[str, str | int | list[str | int]] = field(default_factory=dict)
    converse: Conversation = listen
    upgrades: list[bool] = field(default_factory=list)
    """Of each media socket: whether its upgrade was signed."""
    _arrived: dict[str, asyncio.Queue[Webhook]] = field(default_factory=lambda: defaultdict(asyncio.Queue))

    async def webhook(self, path: str) -> Webhook:
        """The next request to a path."""
        return await asyncio.wait_for(self._arrived[path].get(), 10)

    def asked(self, path: str) -> bool:
        """Whether a request to that path waits to be looked at."""
        return not self._arrived[path].empty()

    async def answer(self, request: Request) -> Response:
        form = {key: str(value) for key, value in (await request.form()).items()}
        signature = request.headers.get("X-Twilio-Signature", "")
        signed = RequestValidator(AUTH_TOKEN).validate(str(request.url), form, signature)
        hook = Webhook(request.url.path, dict(request.query_params), form, signed)
        self._arrived[hook.path].put_nowait(hook)
        answer = self.answers.get(hook.path, "<Response/>")
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if isinstance(answer, int):
            return Response(status_code=answer)
        return Response(answer.replace("{media}", self.media_url), media_type="text/xml")

    async def stream(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        url = f"ws://{socket.request.headers['Host']}{socket.request.path}"
        signature = socket.request.headers.get("X-Twilio-Signature", "")
        self.upgrades.append(RequestValidator(AUTH_TOKEN).validate(url, {}, signature))
        await self.converse(MediaSocket(socket))


@asynccontextmanager
async def tiny_bridge(slot: Slot, url: str) -> AsyncIterator[TinyBridge]:
    """A running bridge, whose webhooks are served at the slot's URL."""
    bridge = TinyBridge(url)
    app = Starlette(routes=[Route("/{path:path}", bridge.answer, methods=["POST"])])
    async with slot.holding(app), serve(bridge.stream, "127.0.0.1", 0) as sockets:
        port = next(iter(sockets.sockets)).getsockname()[1]
        bridge.media_url = f"ws://127.0.0.1:{port}/media"
        yield bridge
