"""Faults on demand: the next requests under a path are delayed, or fail with a status."""

import asyncio
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass
class Fault:
    """What happens to the next `times` requests whose path begins with `prefix`."""

    prefix: str
    status: int = 0
    """0 only delays."""
    times: int = 1
    delay_ms: int = 0


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
            fault = self._take(scope["path"]) if scope["type"] == "http" else None
            if fault is None:
                await app(scope, receive, send)
                return
            await asyncio.sleep(fault.delay_ms / 1000)
            if not fault.status:
                await app(scope, receive, send)
                return
            body = {"status": fault.status, "message": "a fault was asked for", "code": 20500}
            await JSONResponse(body, fault.status)(scope, receive, send)

        return faulty

    def _take(self, path: str) -> Fault | None:
        fault = next((armed for armed in self._armed if path.startswith(armed.prefix)), None)
        if fault is not None:
            fault.times -= 1
            if fault.times <= 0:
                self._armed.remove(fault)
        return fault
