"""An ASGI app on a port of this process's own loop. Signals are left to the process: it may have more to end first."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn


class _Server(uvicorn.Server):
    """Tells when it listens, and takes no signals."""

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

    def __init__(self, server: _Server, running: asyncio.Task[None], port: int) -> None:
        self._server = server
        self._running = running
        self.port = port

    async def ended(self) -> None:
        """Returns once somebody has closed it."""
        await asyncio.shield(self._running)

    async def close(self) -> None:
        """Stop listening and close every connection (WebSockets with code 1012)."""
        self._server.should_exit = True
        await self._running


async def listen(app: Any, host: str, port: int, **options: Any) -> Listener:
    """Serve the app; port 0 takes a free one, `options` are uvicorn's. Raises `OSError` when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family)
    quiet: dict[str, Any] = {"lifespan": "off", "log_level": "warning", "access_log": False, "server_header": False}
    server = _Server(uvicorn.Config(app, ws="websockets-sansio", **quiet, **options))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    await server.listening.wait()
    return Listener(server, running, int(listener.getsockname()[1]))
