"""The scripted phones: send 20 ms of audio every 20 ms, play what comes in real time, echo marks when played."""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from firstline.settings import LOCAL_AUTH_TOKEN
from realtime_bridge.protocol.stream_token import StreamTokens
from workers.bench.bridge.stamps import read_stamp, stamped

TICKS = 20
"""A frame's 20 ms in as many steps: phones are not in step with each other."""


@dataclass
class PhoneFigures:
    """What the phones' side measured."""

    down_ms: list[float] = field(default_factory=list)
    """Agent audio: model -> phone."""
    sent: int = 0
    heard: dict[int, float] = field(default_factory=dict)
    """Answer number -> ms of it truly played when it was cut."""
    clears: int = 0
    first_heard: dict[int, float] = field(default_factory=dict)
    """Answer number -> when its first audio came, s of the loop's clock."""
    greeting_ms: list[float] = field(default_factory=list)
    """Twilio's `start` sent -> first audio received."""

    def forget(self) -> None:
        """Begin to measure anew."""
        self.down_ms.clear()
        self.heard.clear()
        self.first_heard.clear()
        self.greeting_ms.clear()


def start_message(call_sid: str, stream_sid: str, parameters: Mapping[str, str]) -> dict[str, object]:
    """Twilio's `start` for a stream that our TwiML announced."""
    start = {
        "streamSid": stream_sid,
        "callSid": call_sid,
        "accountSid": "AC" + "0" * 32,
        "tracks": ["inbound"],
        "customParameters": {
            "from": "+15550100999",
            "to": "+15550100100",
            "language": "en",
            "token": StreamTokens(LOCAL_AUTH_TOKEN).mint(call_sid, time.time()),
            **parameters,
        },
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
    }
    return {"event": "start", "sequenceNumber": "1", "streamSid": stream_sid, "start": start}


class _Phone(WSListener):
    """One call, from Twilio's side."""

    def __init__(self, figures: PhoneFigures) -> None:
        self._figures = figures
        self._loop = asyncio.get_running_loop()
        self.call_sid = "CA" + secrets.token_hex(16)
        self.stream_sid = "MZ" + secrets.token_hex(16)
        self.transport: WSTransport | None = None
        self._plays_until = 0.0
        # (mark, when it is played) and (answer number, starts, ends) of what is buffered.
        self._marks: deque[tuple[str, asyncio.TimerHandle]] = deque()
        self._playing: deque[tuple[int, float, float]] = deque()
        self._started_at: float | None = None

    def start(self, **parameters: str) -> None:
        """Begin the stream; `parameters` are the TwiML's beside our own."""
        self._send({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        self._send(start_message(self.call_sid, self.stream_sid, parameters))
        self._started_at = self._loop.time()

    def speak(self) -> None:
        """Send one frame."""
        media = {"track": "inbound", "chunk": "1", "timestamp": "0", "payload": stamped(20)}
        self._send({"event": "media", "sequenceNumber": "2", "media": media, "streamSid": self.stream_sid})
        self._figures.sent += 1

    def hang_up(self) -> None:
        """Leave, with everything unplayed unheard."""
        for _, timer in self._marks:
            timer.cancel()
        self._marks.clear()
        transport, self.transport = self.transport, None
        if transport is not None:
            transport.disconnect()

    def _send(self, frame: dict[str, object]) -> None:
        if self.transport is not None:
            self.transport.send(WSMsgType.TEXT, orjson.dumps(frame))

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.transport = None

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is WSMsgType.CLOSE:
            transport.disconnect()
            return
        message = orjson.loads(frame.get_payload_as_bytes())
        now = self._loop.time()
        match message["event"]:
            case "media":
                self._media(message["media"]["payload"], now)
            case "mark":
                name = message["mark"]["name"]
                self._marks.append((name, self._loop.call_at(max(now, self._plays_until), self._echo, name)))
            case "clear":
                self._clear(now)

    def _media(self, payload: str, now: float) -> None:
        if self._started_at is not None:
            self._figures.greeting_ms.append((now - self._started_at) * 1000)
            self._started_at = None
        age, number = read_stamp(payload)
        if 0 < number < 1_000_000:  # the greeting carries no stamp
            self._figures.down_ms.append(age)
            self._figures.first_heard.setdefault(number, now)
        begins = max(now, self._plays_until)
        self._plays_until = begins + len(payload) * 3 // 4 / 8000
        self._playing.append((number, begins, self._plays_until))

    def _echo(self, name: str) -> None:
        if self._marks and self._marks[0][0] == name:
            self._marks.popleft()
        self._send({"event": "mark", "streamSid": self.stream_sid, "mark": {"name": name}})

    def _clear(self, now: float) -> None:
        self._figures.clears += 1
        current = next((number for number, _, ends in self._playing if ends > now), 0)
        heard = sum(min(ends, now) - begins for n, begins, ends in self._playing if n == current and begins < now)
        self._figures.heard[current] = heard * 1000
        self._playing.clear()
        self._plays_until = now
        for name, timer in self._marks:
            timer.cancel()
            self._send({"event": "mark", "streamSid": self.stream_sid, "mark": {"name": name}})
        self._marks.clear()


class Phones:
    """Many calls on one clock."""

    def __init__(self, url: str, signature: str) -> None:
        self.figures = PhoneFigures()
        self._url = url
        self._headers = {"X-Twilio-Signature": signature}
        self._phones: list[_Phone] = []
        self._ticker: asyncio.Task[None] | None = None

    async def ring(self, calls: int, **parameters: str) -> None:
        """Place the calls, all of them streaming when this returns."""
        await self._place(calls, parameters)
        self._ticker = asyncio.create_task(self._tick())

    async def replace(self, calls: int) -> None:
        """The oldest calls end, and as many begin."""
        ending, self._phones = self._phones[:calls], self._phones[calls:]
        for phone in ending:
            phone.hang_up()
        await self._place(calls, {})

    async def _place(self, calls: int, parameters: dict[str, str]) -> None:
        for _ in range(calls):
            phone = _Phone(self.figures)
            await ws_connect(lambda phone=phone: phone, self._url, extra_headers=self._headers)
            phone.start(**parameters)
            self._phones.append(phone)

    async def _tick(self) -> None:
        clock = asyncio.get_running_loop().time
        due, step = clock(), 0
        while True:
            for phone in self._phones[step % TICKS :: TICKS]:
                phone.speak()
            step += 1
            due += 0.020 / TICKS
            await asyncio.sleep(max(0.0, due - clock()))

    @property
    def alive(self) -> int:
        """Calls whose socket is open."""
        return sum(phone.transport is not None for phone in self._phones)

    async def hang_up(self) -> None:
        """End every call."""
        if self._ticker is not None:
            self._ticker.cancel()
        for phone in self._phones:
            phone.hang_up()
