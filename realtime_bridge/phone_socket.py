"""The carrier's media socket beneath its call: bounded in what it sends, in what it leaves unread, in time."""

import asyncio
import struct
from collections.abc import Callable, Sequence

import structlog
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from realtime_bridge.admission import Admission
from realtime_bridge.metrics import CUT_SOCKETS, REFUSED_STREAMS
from realtime_bridge.protocol.caller_line import CallerLine
from realtime_bridge.protocol.frame_budget import FrameBudget

log = structlog.get_logger()

_TEXT = WSMsgType.TEXT
_WHOLE_TEXT = 0x80 | _TEXT.value
START_WITHIN = 5.0
"""Seconds; Twilio sends `connected` and `start` as soon as the socket is open."""
UNREAD_BYTES = 4 * 2**20
"""What may wait for a phone that reads slowly: minutes of speech, since a model speaks faster than real time."""


class PhoneSocket(WSListener):
    """Cuts a peer that floods, does not read, or never says which call it is; hands text frames on."""

    # The library's base class has no room for attributes: without slots each would be looked up in a table of its own,
    # for every frame.
    __slots__ = (
        "_admission", "_budget", "_loop", "_phone", "_silent", "line", "to_model",
    )  # fmt: skip

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._loop = asyncio.get_running_loop()
        self._phone: WSTransport | None = None
        self._budget = FrameBudget(self._loop.time)
        self._silent: asyncio.TimerHandle | None = None
        self.line: CallerLine | None = None
        """Where the caller's audio goes as long as the stream is live."""
        self.to_model: Callable[[bytes], None] = lambda data: None
        """Takes what the line makes of it."""

    # --- for the call on top ------------------------------------------------------------------------------------------

    def on_text(self, data: bytes) -> None:
        """A text frame."""
        raise NotImplementedError

    def on_gone(self) -> None:
        """The socket is closed."""
        raise NotImplementedError

    @property
    def call_sid(self) -> str:
        """Of the call, for the log; empty before `start`."""
        raise NotImplementedError

    def listen(self, line: CallerLine) -> None:
        """The stream is live: what the caller says goes there."""
        line.budget = self._budget
        self.line = line

    def to_phone(self, frames: Sequence[bytes]) -> None:
        """Send text frames, unless the socket is gone."""
        if self._phone is None:
            return
        if len(frames) == 1:
            self._phone.send(_TEXT, frames[0])
        elif not self._phone.is_close_frame_sent and not self._phone.underlying_transport.is_closing():
            # In one piece: to hand it to the network is most of what a frame costs, and a burst is twenty frames.
            self._phone.underlying_transport.write(b"".join(map(_framed, frames)))

    def hang_up(self, code: WSCloseCode, reason: str = "") -> None:
        """Close from our side."""
        if self._phone is not None:
            self._phone.send_close(code, reason.encode() or None)
            self._phone.disconnect()

    def admit(self, call_sid: str, token: str) -> None:
        """The socket said which call it is. Raises `StreamRefused`."""
        self._admission.admit(call_sid, token)
        self._no_longer_waiting()

    # --- the socket ---------------------------------------------------------------------------------------------------

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._phone = transport
        transport.underlying_transport.set_write_buffer_limits(high=UNREAD_BYTES)
        self._admission.waiting += 1
        self._silent = self._loop.call_later(START_WITHIN, self._never_started)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        data, line = frame.get_payload_as_bytes(), self.line
        if line is not None and (append := line.take(data)) is not None:
            self.to_model(append)
            return
        if not self._budget.take(frame.payload_size):
            self._cut("flood")
        elif frame.msg_type is _TEXT:
            self.on_text(data)
        elif frame.msg_type is WSMsgType.PING:
            transport.send_pong(data)
        elif frame.msg_type is WSMsgType.CLOSE:
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._phone = None
        self._no_longer_waiting()
        self.on_gone()

    def pause_writing(self) -> None:
        self._cut("unread")

    def resume_writing(self) -> None:
        """Nothing: a socket that was paused is gone."""

    def _never_started(self) -> None:
        REFUSED_STREAMS.labels("no_start").inc()
        log.warning("stream_refused", call_sid="", why="no_start")
        self.hang_up(WSCloseCode.POLICY_VIOLATION, "no start came")

    def _no_longer_waiting(self) -> None:
        if self._silent is not None:
            self._silent.cancel()
            self._silent = None
            self._admission.waiting -= 1

    def _cut(self, why: str) -> None:
        """Drop the connection with all that waits in it: it must not cost the other calls anything more."""
        if self._phone is None or self._phone.underlying_transport.is_closing():
            return
        self.line = None  # what was read with it is not taken either
        CUT_SOCKETS.labels("phone", why).inc()
        log.warning("socket_cut", call_sid=self.call_sid, why=why)
        self._phone.disconnect(graceful=False)


def _framed(data: bytes) -> bytes:
    """A whole text message as a server sends it, without a mask (RFC 6455, 5.2)."""
    size = len(data)
    if size < 126:
        return struct.pack("!BB", _WHOLE_TEXT, size) + data
    if size < 2**16:
        return struct.pack("!BBH", _WHOLE_TEXT, 126, size) + data
    return struct.pack("!BBQ", _WHOLE_TEXT, 127, size) + data
