"""The carrier's end of a bidirectional media stream: a WebSocket client behind a line's clock."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from firstline.simulators.events import EventLog
from firstline.simulators.phone import Place
from firstline.simulators.playback import Playback
from firstline.simulators.twilio_messages import BadMessage, Clear, Mark, Media, StreamMessages, read

_FAREWELL_S = 2.0
"""How long a stopped stream may take to say `stop` and close."""
_BACKLOG = 3000
"""Messages (one minute of audio) a server may fall behind before the carrier drops them."""

Notify = Callable[[str, dict[str, str]], None]
"""Posts a stream event (`stream-started`, `stream-stopped`, `stream-error`) to the stream's status callback."""


class MediaStream:
    """An endpoint of a line; `run` it until the server closes, or cancel it to stop the stream."""

    place = Place.STREAM

    def __init__(self, url: str, signature: str, messages: StreamMessages, events: EventLog, notify: Notify) -> None:
        self._url = url
        self._signature = signature
        self._messages = messages
        self._events = events
        self._notify = notify
        self._playback = Playback()
        # None ends the writer. Filled from the moment the stream has started.
        self._outgoing: asyncio.Queue[str | None] = asyncio.Queue()
        self._started = False
        self._dropped = 0

    # --- the line's side, once every 20 ms

    @property
    def pending_ms(self) -> int:
        """Agent audio that is buffered, unplayed."""
        return self._playback.pending_ms

    def pull(self) -> bytes | None:
        """The agent's next 20 ms; echoes the marks that were passed."""
        frame, marks = self._playback.pull()
        self._echo(marks)
        return frame

    def push(self, frame: bytes) -> None:
        """Send the person's 20 ms to the server."""
        if self._started:
            self._send(self._messages.media(frame))

    def press(self, digit: str) -> None:
        """Send a key press to the server."""
        if self._started:
            self._send(self._messages.dtmf(digit))

    # --- the socket's side

    async def run(self) -> None:
        """Stream until the server closes the socket, cleanly or not; cancelling sends `stop` and closes."""
        try:
            socket = await connect(
                self._url,
                additional_headers={"X-Twilio-Signature": self._signature},
                user_agent_header="Twilio.TmeWs/1.0",
                compression=None,
                ping_interval=None,
                proxy=None,
            )
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI) as error:
            self._events.add("stream_error", code=31920, problem=type(error).__name__)
            self._notify("stream-error", {"StreamError": "31920"})
            return
        await self._exchange(socket)

    async def _exchange(self, socket: ClientConnection) -> None:
        self._started = True
        self._send(self._messages.connected())
        self._send(self._messages.start())
        self._events.add("stream_started", stream_sid=self._messages.stream_sid)
        writer = asyncio.create_task(self._write(socket))
        ended_by = "carrier"
        try:
            self._notify("stream-started", {})
            await self._read(socket)
            ended_by = "server"
        finally:
            self._started = False
            await self._farewell(socket, writer, ended_by)

    async def _read(self, socket: ClientConnection) -> None:
        while True:
            try:
                text = await socket.recv()
            except ConnectionClosed:
                return
            try:
                self._obey(read(text, self._messages.stream_sid))
            except BadMessage as problem:
                self._events.add("stream_warning", code=31951, problem=str(problem))

    def _obey(self, message: Media | Mark | Clear) -> None:
        match message:
            case Media(audio):
                self._playback.media(audio)
            case Mark(name):
                self._playback.mark(name)
            case Clear():
                self._events.add("cleared", dropped_ms=self._playback.pending_ms)
                self._echo(self._playback.clear())

    async def _write(self, socket: ClientConnection) -> None:
        with suppress(ConnectionClosed):
            while (text := await self._outgoing.get()) is not None:
                await socket.send(text)

    async def _farewell(self, socket: ClientConnection, writer: asyncio.Task[None], ended_by: str) -> None:
        self._outgoing.put_nowait(self._messages.stop())
        self._outgoing.put_nowait(None)
        with suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL_S):
                await writer
                await socket.close()
        writer.cancel()
        code = socket.close_code if ended_by == "server" else 1000
        self._events.add("stream_ended", by=ended_by, close_code=code, dropped=self._dropped)
        self._notify("stream-stopped", {})

    def _echo(self, marks: list[str]) -> None:
        for name in marks:
            self._events.add("mark_echoed", name=name)
            self._send(self._messages.mark(name))

    def _send(self, text: str) -> None:
        if self._outgoing.qsize() < _BACKLOG:
            self._outgoing.put_nowait(text)
        else:
            self._dropped += 1


def new_stream_sid() -> str:
    """`MZ` and 32 hex digits."""
    return f"MZ{uuid4().hex}"
