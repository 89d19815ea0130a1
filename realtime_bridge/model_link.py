"""The connection to the realtime model: connects early, keeps what is sent meanwhile, tells when it is lost."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from realtime_bridge.metrics import MODEL_FAULTS

log = structlog.get_logger()

_BACKLOG_FRAMES = 1500
"""30 s of caller audio at 20 ms a frame: more than any connect may take."""


@dataclass(frozen=True)
class ModelEndpoint:
    """Where the model is: a URL and a key, nothing else (design, point 4)."""

    url: str
    model: str
    api_key: str = ""

    @property
    def address(self) -> str:
        """The WebSocket URL with its query."""
        return f"{self.url}?model={self.model}"


class ModelLink(WSListener):
    """One Realtime session's socket. What is sent before it is open is kept in order."""

    def __init__(self, endpoint: ModelEndpoint) -> None:
        self._endpoint = endpoint
        self._transport: WSTransport | None = None
        self._backlog: list[bytes] = []
        self._early: list[dict[str, Any]] = []
        self._on_event: Callable[[dict[str, Any]], None] | None = None
        self._on_lost: Callable[[str], None] | None = None
        self._closing = False
        self._lost_why = ""
        self._partial = bytearray()
        self._connecting = asyncio.create_task(self._connect())

    def attach(self, on_event: Callable[[dict[str, Any]], None], on_lost: Callable[[str], None]) -> None:
        """Hand every event, those that came before included, to a call."""
        self._on_event, self._on_lost = on_event, on_lost
        early, self._early = self._early, []
        for event in early:
            on_event(event)
        if self._lost_why:
            on_lost(self._lost_why)

    async def _connect(self) -> None:
        headers = {"Authorization": f"Bearer {self._endpoint.api_key}"} if self._endpoint.api_key else {}
        try:
            await ws_connect(lambda: self, self._endpoint.address, extra_headers=headers, enable_auto_ping=True)
        except Exception as error:  # refused, unreachable, bad URL: all the same to the caller
            MODEL_FAULTS.labels("connect").inc()
            log.error("model_unreachable", url=self._endpoint.url, error=str(error))
            self._lost("connect")

    def send(self, data: bytes) -> None:
        """Send a client event, or keep it until the socket is open."""
        if self._transport is not None:
            self._transport.send(WSMsgType.TEXT, data)
        elif len(self._backlog) < _BACKLOG_FRAMES and not self._closing:
            self._backlog.append(data)

    def close(self) -> None:
        """End the session; nothing is reported for it."""
        self._closing = True
        self._connecting.cancel()
        if self._transport is not None:
            self._transport.send_close(WSCloseCode.OK)
            self._transport.disconnect()
            self._transport = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        if self._closing:
            transport.disconnect()
            return
        self._transport = transport
        backlog, self._backlog = self._backlog, []
        for data in backlog:
            transport.send(WSMsgType.TEXT, data)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is WSMsgType.CLOSE:
            transport.disconnect()
            return
        if frame.msg_type not in (WSMsgType.TEXT, WSMsgType.CONTINUATION):
            return
        data = frame.get_payload_as_bytes()
        if not frame.fin or self._partial:
            self._partial += data
            if not frame.fin:
                return
            data, self._partial = bytes(self._partial), bytearray()
        try:
            event = orjson.loads(data)
        except orjson.JSONDecodeError:
            MODEL_FAULTS.labels("not_json").inc()
            return
        if not isinstance(event, dict):
            MODEL_FAULTS.labels("not_an_object").inc()
        elif self._on_event is None:
            self._early.append(event)
        else:
            self._on_event(event)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._transport = None
        if not self._closing:
            MODEL_FAULTS.labels("lost").inc()
            self._lost("lost")

    def _lost(self, why: str) -> None:
        if self._closing:
            return
        self._lost_why = why
        if self._on_lost is not None:
            self._on_lost(why)
