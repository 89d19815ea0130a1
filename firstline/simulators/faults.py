"""Faults on demand: the next requests under a path are delayed, fail with a status, or lose their answer half way.

Each before or after the request has taken effect.
"""

import asyncio
from dataclasses import dataclass, field

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass
class Fault:
    """What happens to the next `times` requests whose path begins with `prefix`."""

    prefix: str
    status: int = 0
    """0 only delays."""
    times: int = 1
    delay_ms: int = 0
    after: bool = False
    """The request takes effect, and then its answer is late or lost."""
    method: str = ""
    """Only requests of this method; empty for every one."""
    headers: dict[str, str] = field(default_factory=dict)
    """Of the failure, such as `Retry-After`."""
    cut: bool = False
    """The connection breaks in the middle of the answer."""


class Faults:
    """ASGI middleware and the route that arms it: `POST /sim/faults`."""

    def __init__(self) -> None:
        self._armed: list[Fault] = []

    @property
    def routes(self) -> list[Route]:
        """To be mounted at the root."""
        return [Route("/sim/faults", self.arm, methods=["POST"])]

    async def arm(self, request: Request) -> Response:
        """Add a fault."""
        try:
            fault = Fault(**await request.json())
        except (TypeError, ValueError) as error:
            raise HTTPException(400, f"not a fault: {error}") from None
        self._armed.append(fault)
        return JSONResponse({"armed": len(self._armed)})

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """The app, with faults in front."""

        async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
            fault = self._take(scope["path"], scope["method"]) if scope["type"] == "http" else None
            if fault is None:
                await app(scope, receive, send)
                return
            if fault.after:
                await _afterwards(fault, app, scope, receive, send)
                return
            await asyncio.sleep(fault.delay_ms / 1000)
            if fault.cut:
                await _break_off(send)
                return
            if not fault.status:
                await app(scope, receive, send)
                return
            await _failure(fault)(scope, receive, send)

        return faulty

    def _take(self, path: str, method: str) -> Fault | None:
        fits = (armed for armed in self._armed if path.startswith(armed.prefix) and armed.method in ("", method))
        fault = next(fits, None)
        if fault is not None:
            fault.times -= 1
            if fault.times <= 0:
                self._armed.remove(fault)
        return fault


async def _afterwards(fault: Fault, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Let the request take effect, keep its answer back, then give it late or something else instead."""
    kept: list[Message] = []

    async def keep(message: Message) -> None:
        kept.append(message)

    await app(scope, receive, keep)
    await asyncio.sleep(fault.delay_ms / 1000)
    if fault.cut:
        await _break_off(send)
        return
    if fault.status:
        await _failure(fault)(scope, receive, send)
        return
    for message in kept:
        await send(message)


async def _break_off(send: Send) -> None:
    """Promise more than is sent: the server then has to close the connection."""
    head = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": b'{"status": ', "more_body": True})


def _failure(fault: Fault) -> Response:
    body = {"status": fault.status, "message": "a fault was asked for", "code": 20500}
    return JSONResponse(body, fault.status, fault.headers)
