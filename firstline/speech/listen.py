"""Where clients of the Realtime protocol connect."""

from typing import Any

from firstline import serving
from firstline.serving import Listener

LARGEST_MESSAGE = 16 * 2**20
"""Bytes; the Realtime protocol allows 15 MiB of base64 in one append."""

CLOSING_SECONDS = 2
"""How long clients are waited for when the server closes."""


async def listen(app: Any, host: str, port: int) -> Listener:
    """Serve the app; port 0 takes a free one. Raises `OSError` when the port is taken."""
    return await serving.listen(
        app,
        host,
        port,
        ws_max_size=LARGEST_MESSAGE,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=CLOSING_SECONDS,
    )
