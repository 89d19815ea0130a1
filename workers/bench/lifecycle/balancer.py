"""A small load balancer on loopback in front of the bridges: webhooks by request, media streams by connection.

A backend is used while its /healthz answers 200. What was not sent yet goes to the other backend when the first one
refuses the connection; what was sent and not answered is a 502, as with any balancer that does not repeat a POST.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import cast

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from workers.bench.lifecycle.serving import serving

LOOK_EVERY_S = 0.2
_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}


@dataclass
class Backend:
    """One bridge."""

    name: str
    http_port: int
    media_port: int
    healthy: bool = False
    streams: int = 0
    """Media connections open now."""


class Balancer:
    """Serves on two ports of loopback while `running`."""

    def __init__(self, backends: Sequence[Backend], http_port: int, media_port: int) -> None:
        self.backends = list(backends)
        self.http_port = http_port
        self.media_port = media_port
        self._turn = 0
        # A connection a request: one that was kept open would stick to a bridge that drains or is gone.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.AsyncClient(trust_env=False, timeout=15, limits=limits)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen for the length of the block."""
        loop = asyncio.get_running_loop()
        media = await loop.create_server(lambda: _Stream(self), "127.0.0.1", self.media_port)
        watching = loop.create_task(self._watch())
        app = Starlette(routes=[Route("/{path:path}", self._forward, methods=["GET", "POST"])])
        try:
            async with serving(app, self.http_port):
                yield
        finally:
            media.close()
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await self._client.aclose()

    def order(self) -> list[Backend]:
        """The healthy ones in turn, then the others: a look may be out of date."""
        self._turn += 1
        count = len(self.backends)
        turned = [self.backends[(self._turn + step) % count] for step in range(count)]
        return sorted(turned, key=lambda backend: not backend.healthy)

    async def _watch(self) -> None:
        while True:
            await asyncio.gather(*(self._look(backend) for backend in self.backends))
            await asyncio.sleep(LOOK_EVERY_S)

    async def _look(self, backend: Backend) -> None:
        try:
            answer = await self._client.get(f"http://127.0.0.1:{backend.http_port}/healthz", timeout=1)
            backend.healthy = answer.status_code == 200
        except httpx.HTTPError:
            backend.healthy = False

    async def _forward(self, request: Request) -> Response:
        query = f"?{request.url.query}" if request.url.query else ""
        headers = [(name, value) for name, value in request.headers.items() if name not in _HOP]
        body = await request.body()
        for backend in self.order():
            url = f"http://127.0.0.1:{backend.http_port}{request.url.path}{query}"
            try:
                answer = await self._client.request(request.method, url, content=body, headers=headers)
            except httpx.ConnectError:
                backend.healthy = False
                continue
            except httpx.HTTPError as error:
                return PlainTextResponse(f"{backend.name}: {type(error).__name__}", 502)
            kept = {name: value for name, value in answer.headers.items() if name not in _HOP}
            return Response(answer.content, answer.status_code, kept)
        return PlainTextResponse("no bridge", 503)


class _Stream(asyncio.Protocol):
    """The carrier's side of a media connection; knows its bridge's side."""

    def __init__(self, balancer: Balancer) -> None:
        self._balancer = balancer
        self._carrier: asyncio.Transport | None = None
        self._bridge: asyncio.Transport | None = None
        self._early = bytearray()
        self._connecting: asyncio.Task[None] | None = None
        self._backend: Backend | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast and no check: uvloop's transports are not asyncio's.
        self._carrier = cast(asyncio.Transport, transport)
        self._connecting = asyncio.get_running_loop().create_task(self._connect(self._carrier))

    def data_received(self, data: bytes) -> None:
        if self._bridge is not None:
            self._bridge.write(data)
        else:
            self._early += data

    def connection_lost(self, error: Exception | None) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
        if self._bridge is not None:
            self._bridge.close()
        if self._backend is not None:
            self._backend.streams -= 1
            self._backend = None

    async def _connect(self, carrier: asyncio.Transport) -> None:
        for backend in self._balancer.order():
            try:
                loop = asyncio.get_running_loop()
                bridge, _ = await loop.create_connection(lambda: _Back(carrier), "127.0.0.1", backend.media_port)
            except OSError:
                backend.healthy = False
                continue
            self._bridge, self._backend = bridge, backend
            backend.streams += 1
            bridge.write(bytes(self._early))
            return
        carrier.abort()


class _Back(asyncio.Protocol):
    """The bridge's side: what it sends goes to the carrier, and so does its death."""

    def __init__(self, carrier: asyncio.Transport) -> None:
        self._carrier = carrier

    def data_received(self, data: bytes) -> None:
        self._carrier.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        self._carrier.close()
