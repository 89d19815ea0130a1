"""An ASGI app on a port of this process's own loop."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

LARGEST_MESSAGE = 16 * 2**20
"""Bytes; the Realtime protocol allows 15 MiB of base64 in one append."""

CLOSING_SECONDS = 2
"""How long clients are waited for when the server closes."""


class _Uvicorn(uvicorn.Server):
    """Tells when it listens, and leaves signals to the process."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Listener:
    """A server that listens, WebSockets included."""

    def __init__(self, server: _Uvicorn, running: asyncio.Task[None], port: int) -> None:
        self._server = server
        self._running = running
        self.port = port

    async def close(self) -> None:
        """Stop listening and close every connection (WebSockets with code 1012)."""
        self._server.should_exit = True
        await self._running


async def listen(app: Any, host: str, port: int) -> Listener:
    """Serve the app; port 0 takes a free one. Raises `OSError` when the port is taken."""
    listener = socket.create_server((host, port))
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        ws="websockets-sansio",
        ws_max_size=LARGEST_MESSAGE,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=CLOSING_SECONDS,
    )
    server = _Uvicorn(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    await server.listening.wait()
    return Listener(server, running, int(listener.getsockname()[1]))
