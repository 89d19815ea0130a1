"""The media WebSocket server: refuses what Twilio did not sign, then hands each socket to its call."""

import asyncio
import contextlib
from urllib.parse import urlsplit

import structlog
from picows import WSListener, WSUpgradeRequest, WSUpgradeResponse, WSUpgradeResponseWithListener, ws_create_server

from realtime_bridge.admission import Admission
from realtime_bridge.call_parts import CallParts
from realtime_bridge.live_call import LiveCall
from realtime_bridge.live_calls import LiveCalls
from realtime_bridge.metrics import REFUSED_UPGRADES
from realtime_bridge.signature import TwilioSignature

log = structlog.get_logger()

MAX_FRAME_BYTES = 64 * 1024
"""A media frame is about 300 bytes; nothing Twilio sends comes near this."""
READ_BYTES = 4 * 1024
"""Of a socket's read buffer to begin with, ten media frames: it grows when more than that came at once."""


class MediaServer:
    """Accepts Twilio's media streams on a port of its own."""

    def __init__(
        self, parts: CallParts, signature: TwilioSignature, media_url: str, calls: LiveCalls, admission: Admission
    ) -> None:
        self._parts = parts
        self._signature = signature
        self._path = urlsplit(media_url).path or "/"
        self._server: asyncio.Server | None = None
        self._calls = calls
        self._admission = admission
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Listen; `port` 0 picks a free one. Raises `OSError` when the port is taken."""
        self._server = await ws_create_server(
            self._accept,
            host,
            port,
            max_frame_size=MAX_FRAME_BYTES,
            read_buffer_init_size=READ_BYTES,
            enable_auto_ping=True,
            enable_auto_pong=False,  # pings count as frames, so the socket answers them itself
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def _accept(self, request: WSUpgradeRequest) -> WSListener | WSUpgradeResponseWithListener:
        path = bytes(request.path).decode("latin-1").partition("?")[0]
        if path != self._path:
            return self._refuse(404, "unknown path", "path")
        if not self._signature.upgrade(request.headers.get("x-twilio-signature", "")):
            return self._refuse(403, "X-Twilio-Signature is missing or wrong", "signature")
        if self._admission.crowded:
            return self._refuse(503, "no room for another stream", "crowded")
        return LiveCall(self._parts, self._calls, self._admission)

    @staticmethod
    def _refuse(status: int, message: str, why: str) -> WSUpgradeResponseWithListener:
        REFUSED_UPGRADES.labels(why).inc()
        log.warning("upgrade_refused", why=why)
        response = WSUpgradeResponse.create_error_response(status, message.encode())
        return WSUpgradeResponseWithListener(response, None)

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._server.wait_closed(), 5)
