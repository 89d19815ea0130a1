"""The connection to the realtime model: connects early, keeps what is sent meanwhile, tells when and why it is lost."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from picows import WSCloseCode, WSFrame, WSInvalidStatusError, WSListener, WSMsgType, WSTransport, ws_connect

from firstline.ports import Rejected
from realtime_bridge.metrics import CUT_SOCKETS, SWALLOWED
from realtime_bridge.protocol import faults
from realtime_bridge.protocol.faults import Fault
from realtime_bridge.protocol.server_events import needs_no_reading

log = structlog.get_logger()

Event = dict[str, Any]
"""A server event of the Realtime protocol."""

LOOK_EVERY = 0.25
SILENT_AT, ASKED_AT, GIVEN_UP_AT = 3, 6, 10
"""Seconds, and looks since anything came: a model whose process hangs while it owes nothing is noticed within two
and a half. At every third the call is told, which asks one that owes the caller something
(`realtime_bridge.protocol.pulse`). One timer for all links: a task per socket, as in the library's own pings, cost 5 %
of the loop at 100 calls."""
UNACKNOWLEDGED_MS = 2000
"""A network that went away is noticed by the kernel: caller audio, which never pauses, stays unacknowledged so long."""
READY_WITHIN = 5.0
"""Seconds from the connection's begin to `session.updated`, while a greeting plays."""
UNREAD_BYTES = 2**20
"""What may wait for a model that reads slowly: a whole conversation replayed, and a minute of caller audio."""
READ_BYTES = 4 * 1024
"""Of the read buffer to begin with: it doubles for a model that says more at once, and never shrinks."""
_LARGE = 2048
"""Bytes. What is longer, a look-up's answer or a prompt, is masked where it lies: the socket's own write buffer would
keep its length for the rest of the call. When a server repeats it, it is not parsed where nobody wants it."""
_HEADER_ROOM = 14
"""Bytes of the longest WebSocket header."""
_BACKLOG_FRAMES = 1500
"""30 s of caller audio at 20 ms a frame: more than any connect may take."""
_TEXT = WSMsgType.TEXT
_OF_SESSION = ("session.created", "session.updated")
_EARLY_EVENTS = 100
"""A session that nobody uses says three things."""


def _nothing(*args: object) -> None:
    """Nobody wants to know, or not any more: what comes with what ended a session is dropped."""


@dataclass(frozen=True)
class ModelEndpoint:
    """Where the model is: a URL and a key, nothing else (design, point 4)."""

    url: str
    model: str
    api_key: str = ""
    name: str = "native"
    """The lane's, for logs and metrics."""
    short_lived: Callable[[], Awaitable[str]] | None = None
    """Makes a secret to connect with in the key's place. Raises `Rejected` when nothing but an operator helps."""

    @property
    def address(self) -> str:
        """The WebSocket URL with its query."""
        return f"{self.url}?model={self.model}"

    async def headers(self) -> dict[str, str]:
        """What a connection presents. Raises `PortError`, `Rejected`."""
        key = await self.short_lived() if self.short_lived is not None else self.api_key
        return {"Authorization": f"Bearer {key}"} if key else {}


class LinkWatcher:
    """What becomes of a link, for whoever keeps count; this one only looks whether those that are open are alive."""

    def __init__(self) -> None:
        self._open: set[ModelLink] = set()
        self._looks: asyncio.TimerHandle | None = None

    def link_open(self, link: "ModelLink") -> None:
        """Its socket is open: it is looked after until it is closed."""
        self._open.add(link)
        if self._looks is None:
            self._look_later()

    def link_closed(self, link: "ModelLink") -> None:
        """It is over, for whatever reason; harmless when repeated."""
        self._open.discard(link)

    def _look_later(self) -> None:
        self._looks = asyncio.get_running_loop().call_later(LOOK_EVERY, self._look_at_all)

    def _look_at_all(self) -> None:
        self._looks = None
        for link in tuple(self._open):
            link.silent_looks += 1
            if link.silent_looks >= SILENT_AT:
                link.look()
        if self._open and self._looks is None:
            self._look_later()

    def link_ready(self, link: "ModelLink") -> None:
        """The session is configured and may be spoken to."""

    def link_lost(self, link: "ModelLink", fault: Fault) -> None:
        """It will never be ready, or is no longer."""


class ModelLink(WSListener):
    """One Realtime session's socket. What is sent before it is open is kept in order."""

    __slots__ = (
        "_backlog", "_close_code", "_close_reason", "_closing", "_configuration", "_connecting", "_early", "_loop",
        "_on_event", "_on_lost", "_on_pulse", "_on_read", "_on_session", "_partial", "_too_slow", "_transport",
        "_watcher", "endpoint", "lost", "opened_at", "ready", "silent_looks",
    )  # fmt: skip

    def __init__(
        self,
        endpoint: ModelEndpoint,
        configuration: bytes,
        watcher: LinkWatcher,
        *,
        delay: float = 0.0,
        ready_within: float = READY_WITHIN,
    ) -> None:
        self.endpoint = endpoint
        self.ready = False
        self.lost: Fault | None = None
        self._loop = asyncio.get_running_loop()
        self.opened_at = self._loop.time() + delay
        """Seconds of the loop's clock; the session is at most this old."""
        self._configuration = configuration
        self._watcher = watcher
        self._transport: WSTransport | None = None
        self._backlog: list[bytes] = [configuration]
        self._early: list[Event] = []
        self._on_event: Callable[[Event], None] = self._keep_early
        self._on_session: Callable[[Event], None] = _nothing
        self._on_lost: Callable[[Fault], None] | None = None
        self._on_pulse: Callable[[bool], None] = _nothing
        self._on_read: Callable[[], None] = _nothing
        self._closing = False
        self._close_code, self._close_reason = 0, ""
        self._partial = bytearray()
        self.silent_looks = 0
        """Since anything came."""
        self._too_slow = self._loop.call_later(delay + ready_within, self._not_ready)
        self._connecting: asyncio.Task[None] | None = self._loop.create_task(self._connect(delay))

    def attach(
        self,
        on_event: Callable[[Event], None],
        on_lost: Callable[[Fault], None],
        on_pulse: Callable[[bool], None] = _nothing,
        on_read: Callable[[], None] = _nothing,
        on_session: Callable[[Event], None] = _nothing,
    ) -> None:
        """Hand every event, those that came before included, to a call.

        `on_pulse` is told of pongs and, now and then, that a ready session says nothing (False), `on_read` that all
        events which came at once were handed over, `on_session` of events about the session itself, before `on_event`.
        """
        self._on_event, self._on_lost, self._on_pulse, self._on_read = on_event, on_lost, on_pulse, on_read
        self._on_session = on_session
        early, self._early = self._early, []
        for event in early:
            if event.get("type") in _OF_SESSION:
                on_session(event)
            on_event(event)
        on_read()
        if self.lost is not None:
            on_lost(self.lost)

    async def _connect(self, delay: float) -> None:
        if delay:
            await asyncio.sleep(delay)
        try:
            await ws_connect(
                lambda: self,
                self.endpoint.address,
                extra_headers=await self.endpoint.headers(),
                read_buffer_init_size=READ_BYTES,
            )
        except WSInvalidStatusError as answer:
            self._lose(_fault_of(answer))
        except Rejected as refusal:
            self._lose(faults.of_code(str(refusal)) or faults.of_status(401, {}, {}))
        except Exception as error:  # refused, unreachable, bad URL: all the same to the caller
            log.warning("model_unreachable", url=self.endpoint.url, error=str(error))
            self._lose(faults.UNREACHABLE)

    def configure(self, configuration: bytes) -> None:
        """Send a `session.update`, unless the session has this one already."""
        if configuration != self._configuration:
            self._configuration = configuration
            self.send(configuration)

    def send(self, data: bytes) -> None:
        """Send a client event, or keep it until the socket is open."""
        if self._transport is not None:
            if len(data) < _LARGE:
                self._transport.send(_TEXT, data)
            else:
                self._transport.send_reuse_external_bytearray(_TEXT, bytearray(_HEADER_ROOM) + data, _HEADER_ROOM)
        elif len(self._backlog) < _BACKLOG_FRAMES and not self._closing:
            self._backlog.append(data)

    def ping(self) -> None:
        """Ask for a sign of life."""
        if self._transport is not None:
            self._transport.send_ping()

    def close(self) -> None:
        """End the session; nothing is reported for it, and whoever was told of it is let go."""
        self._closing = True
        self._on_event = self._on_session = _nothing
        self._on_lost, self._on_pulse, self._on_read = None, _nothing, _nothing
        self._too_slow.cancel()
        self._watcher.link_closed(self)
        if self._connecting is not None:
            self._connecting.cancel()
            self._connecting = None
        if self._transport is not None:
            self._transport.send_close(WSCloseCode.OK)
            self._transport.disconnect()
            self._transport = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        if self._closing:
            transport.disconnect()
            return
        self._transport = transport
        transport.underlying_transport.set_write_buffer_limits(high=UNREAD_BYTES)
        sock = transport.underlying_transport.get_extra_info("socket")
        with contextlib.suppress(AttributeError, OSError):  # Linux alone knows it; elsewhere pings must do
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)
        backlog, self._backlog = self._backlog, []
        for data in backlog:
            self.send(data)
        self._watcher.link_open(self)

    def look(self) -> None:
        """Whoever says nothing is asked whether it is there, and given up when it is not."""
        if self._transport is None:
            return
        if self.silent_looks == ASKED_AT:
            self.ping()
        if self.silent_looks >= GIVEN_UP_AT:
            self._transport.disconnect(graceful=False)
        elif self.ready and self.silent_looks % SILENT_AT == 0:
            self._on_pulse(False)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        was_silent, self.silent_looks = self.silent_looks >= SILENT_AT, 0
        if frame.msg_type is _TEXT and frame.fin:
            data = frame.get_payload_as_bytes()
            # Whoever was told of a silence must hear that it is over.
            if len(data) < _LARGE or was_silent or not needs_no_reading(data):
                self._text(data)
        else:
            self._unusual(transport, frame)
        if frame.last_in_buffer:
            self._on_read()

    def _unusual(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is WSMsgType.CLOSE:
            code = frame.get_close_code()
            # Codes that the standard does not name come as bare numbers.
            self._close_code = code.value if isinstance(code, WSCloseCode) else int(code)
            self._close_reason = (frame.get_close_message() or b"").decode("utf-8", "replace")
            transport.disconnect()
            return
        if frame.msg_type is WSMsgType.PONG:
            self._on_pulse(True)
        if frame.msg_type in (WSMsgType.TEXT, WSMsgType.CONTINUATION):
            self._partial += frame.get_payload_as_bytes()
            if frame.fin:
                data, self._partial = bytes(self._partial), bytearray()
                self._text(data)

    def _text(self, data: bytes) -> None:
        try:
            event = orjson.loads(data)
        except orjson.JSONDecodeError:
            event = None
        if not isinstance(event, dict):
            SWALLOWED.labels("model_not_json", "").inc()
            return
        if event.get("type") in _OF_SESSION:
            self._of_session(event)
        self._on_event(event)

    def _of_session(self, event: Event) -> None:
        if not self.ready and not self._closing and event["type"] == "session.updated":
            self.ready = True
            self._too_slow.cancel()
            self._watcher.link_ready(self)
        self._on_session(event)

    def _keep_early(self, event: Event) -> None:
        """Nobody has the session yet."""
        if event.get("type") == "error" and (fault := faults.of_error_event(event)) is not None:
            self._lose(fault)
        elif len(self._early) < _EARLY_EVENTS:
            self._early.append(event)

    def pause_writing(self) -> None:
        if self._transport is not None:
            CUT_SOCKETS.labels("model", "unread").inc()
            self._transport.disconnect(graceful=False)

    def resume_writing(self) -> None:
        """Nothing: a socket that was paused is gone."""

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._transport = None
        self._lose(faults.of_close(self._close_code, self._close_reason))

    def _not_ready(self) -> None:
        self._lose(faults.SLOW)

    def _lose(self, fault: Fault) -> None:
        """Told once: whatever else happens to this socket is of no interest."""
        if self._closing:
            return
        self.lost, on_lost = fault, self._on_lost
        self.close()
        log.warning("model_link_lost", lane=self.endpoint.name, fault=fault.kind.value, code=fault.code)
        self._watcher.link_lost(self, fault)
        if on_lost is not None:
            on_lost(fault)


def _fault_of(answer: WSInvalidStatusError) -> Fault:
    """What a server that refused the upgrade said."""
    response = answer.response
    if response is None:
        return faults.UNREACHABLE
    try:
        body = orjson.loads(answer.raw_body or b"")
    except orjson.JSONDecodeError:
        body = {}
    headers = {name.lower(): value for name, value in response.headers.items()}
    return faults.of_status(int(response.status), headers, body if isinstance(body, dict) else {})
