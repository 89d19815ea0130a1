"""The server, on one port: `/v1/realtime?model=…`, `/v1/audio/transcriptions`, `/healthz` and `/metrics`."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from firstline.serving import Listener
from firstline.speech.connection import ClientGone, Connection
from firstline.speech.engine import SpeechEngine
from firstline.speech.listen import listen
from firstline.speech.stages import Record, measure
from firstline.speech.transcriptions import transcription

PATH = "/v1/realtime"
SESSION_SECONDS = 3600.0
"""How long OpenAI lets a session last."""

log = structlog.get_logger()


class SpeechServer:
    """A server that listens."""

    def __init__(self, listener: Listener, host: str) -> None:
        self._listener = listener
        self.host = host
        self.port = listener.port

    @property
    def url(self) -> str:
        """WebSocket URL, without the query."""
        return f"ws://{self.host}:{self.port}{PATH}"

    @property
    def http_url(self) -> str:
        """Base URL for OpenAI's own client."""
        return f"http://{self.host}:{self.port}/v1"

    async def close(self) -> None:
        """Stop listening and close every session (code 1012)."""
        await self._listener.close()


async def serve(
    engine: SpeechEngine,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    api_key: str = "",
    session_seconds: float = SESSION_SECONDS,
    record: Record = measure,
) -> SpeechServer:
    """Listen; port 0 takes a free one. With an `api_key`, a client without that bearer token is answered 401.

    `record` is told how long each stage of a turn took. Raises `OSError` when the port is taken.
    """
    return SpeechServer(await listen(_Doors(engine, api_key, session_seconds, record).app(), host, port), host)


@dataclass(frozen=True)
class _Doors:
    """What is behind each path, and who may pass."""

    engine: SpeechEngine
    api_key: str
    session_seconds: float
    record: Record

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/healthz", self._healthz),
                Route("/metrics", self._metrics),
                Route("/v1/audio/transcriptions", self._transcribe, methods=["POST"]),
                WebSocketRoute(PATH, self._realtime),
                WebSocketRoute("/{path:path}", self._nowhere),
            ]
        )

    def _may_pass(self, client: HTTPConnection) -> bool:
        given = client.headers.get("authorization", "").removeprefix("Bearer ")
        return not self.api_key or hmac.compare_digest(given.encode(), self.api_key.encode())

    async def _healthz(self, request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def _metrics(self, request: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    async def _transcribe(self, request: Request) -> Response:
        if not self._may_pass(request):
            error = {"message": "the API key is missing or wrong", "type": "invalid_request_error"}
            return JSONResponse({"error": {**error, "param": None, "code": "invalid_api_key"}}, 401)
        return await transcription(request, self.engine.transcriber)

    async def _nowhere(self, websocket: WebSocket) -> None:
        await websocket.send_denial_response(PlainTextResponse(f"there is no {websocket.url.path}\n", 404))

    async def _realtime(self, websocket: WebSocket) -> None:
        if not self._may_pass(websocket):
            await websocket.send_denial_response(PlainTextResponse("the API key is missing or wrong\n", 401))
            return
        await websocket.accept()
        model = websocket.query_params.get("model", "firstline")
        await self._session(Connection(_Client(websocket), self.engine, model, self.record))

    async def _session(self, connection: Connection) -> None:
        log.info("realtime_session_opened", session_id=connection.session.id)
        try:
            async with asyncio.timeout(self.session_seconds) as limit:
                await connection.run(int(time.time() + self.session_seconds))
        except TimeoutError:
            if not limit.expired():
                raise
            with suppress(ClientGone):
                await connection.expire(self.session_seconds)
        log.info("realtime_session_closed", session_id=connection.session.id)


class _Client:
    """A client's WebSocket as `connection` wants it."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            yield text if text is not None else message["bytes"]

    async def send(self, text: str) -> None:
        if self._websocket.client_state is WebSocketState.DISCONNECTED:
            raise ClientGone
        try:
            await self._websocket.send_text(text)
        except (WebSocketDisconnect, RuntimeError) as gone:
            raise ClientGone from gone

    async def close(self, code: int, reason: str) -> None:
        with suppress(RuntimeError, WebSocketDisconnect):
            await self._websocket.close(code, reason)
