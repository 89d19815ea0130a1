"""Small HTTP applications inside the bench's own process."""

import contextlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette

from firstline.serving import listen


@contextlib.asynccontextmanager
async def serving(app: Starlette, port: int) -> AsyncIterator[None]:
    """An app on a port of loopback for the length of the block."""
    listener = await listen(app, "127.0.0.1", port)
    try:
        yield
    finally:
        await listener.close()
