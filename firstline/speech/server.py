"""The WebSocket server: `/v1/realtime?model=…`, and `/healthz` for whoever watches it."""

from __future__ import annotations

import asyncio
import hmac
import time
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

import structlog
from websockets.asyncio.server import Server, ServerConnection
from websockets.asyncio.server import serve as listen
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from firstline.speech.connection import Connection
from firstline.speech.engine import SpeechEngine

PATH = "/v1/realtime"
LARGEST_MESSAGE = 16 * 2**20
"""Bytes; the protocol allows 15 MiB of base64 in one append."""

SESSION_SECONDS = 3600.0
"""How long OpenAI lets a session last."""

log = structlog.get_logger()


class SpeechServer:
    """A server that listens."""

    def __init__(self, server: Server, host: str) -> None:
        self._server = server
        self.host = host
        self.port = int(next(iter(server.sockets)).getsockname()[1])

    @property
    def url(self) -> str:
        """WebSocket URL, without the query."""
        return f"ws://{self.host}:{self.port}{PATH}"

    async def close(self) -> None:
        """Stop listening and close every session (code 1001)."""
        self._server.close()
        await self._server.wait_closed()


async def serve(
    engine: SpeechEngine,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    api_key: str = "",
    session_seconds: float = SESSION_SECONDS,
) -> SpeechServer:
    """Listen; port 0 takes a free one. With an `api_key`, a client without that bearer token is answered 401."""

    async def session(socket: ServerConnection) -> None:
        await _session(socket, engine, session_seconds)

    def check(socket: ServerConnection, request: Request) -> Response | None:
        return _refusal(socket, request, api_key)

    server = await listen(
        session, host, port, process_request=check, max_size=LARGEST_MESSAGE, compression=None, server_header=None
    )
    return SpeechServer(server, host)


def _refusal(socket: ServerConnection, request: Request, api_key: str) -> Response | None:
    """The HTTP answer to a request that opens no session; None for one that does."""
    path = urlsplit(request.path).path
    if path == "/healthz":
        return socket.respond(HTTPStatus.OK, "ok\n")
    if path != PATH:
        return socket.respond(HTTPStatus.NOT_FOUND, f"there is only {PATH} and /healthz\n")
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if api_key and not hmac.compare_digest(given.encode(), api_key.encode()):
        return socket.respond(HTTPStatus.UNAUTHORIZED, "the API key is missing or wrong\n")
    return None


async def _session(socket: ServerConnection, engine: SpeechEngine, seconds: float) -> None:
    query = parse_qs(urlsplit(socket.request.path).query) if socket.request else {}
    connection = Connection(socket, engine, query.get("model", ["firstline"])[0])
    log.info("realtime_session_opened", session_id=connection.session.id)
    try:
        async with asyncio.timeout(seconds) as limit:
            await connection.run(int(time.time() + seconds))
    except TimeoutError:
        if not limit.expired():
            raise
        await connection.expire(seconds)
    except ConnectionClosed as closed:
        log.info("realtime_session_broke_off", session_id=connection.session.id, code=closed.code)
    log.info("realtime_session_closed", session_id=connection.session.id)
