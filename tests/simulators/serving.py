"""Serving an ASGI app on a real loopback port, inside the test's own loop."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from firstline.serving import listen


class Slot:
    """A served app that changes from test to test: starting and stopping a server takes longer than most tests."""

    def __init__(self) -> None:
        self._app: Starlette | None = None

    @asynccontextmanager
    async def holding(self, app: Starlette) -> AsyncIterator[None]:
        """Serve this app for the length of the block, its start-up and shut-down included."""
        async with app.router.lifespan_context(app):
            self._app = app
            try:
                yield
            finally:
                self._app = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._app is None:
            await Response(status_code=503)(scope, receive, send)
            return
        await self._app(scope, receive, send)


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """Base URL of the running app."""
    listener = await listen(app, "127.0.0.1", 0, timeout_graceful_shutdown=1)
    try:
        yield f"http://127.0.0.1:{listener.port}"
    finally:
        await listener.close()
