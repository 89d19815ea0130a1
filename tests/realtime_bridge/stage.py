"""The whole bridge on loopback: real sockets, a scripted model, Twilio's side played by the test."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import httpx
import orjson
from twilio.request_validator import RequestValidator
from websockets.asyncio.client import ClientConnection, connect

from firstline.domain.facts import FactKind
from firstline.ports import Transcription
from realtime_bridge.app import Bridge, BridgeConfig
from realtime_bridge.model_link import ModelEndpoint
from realtime_bridge.phrases import PhraseBook
from realtime_bridge.protocol.rules import CallRules
from realtime_bridge.protocol.stream_token import StreamTokens
from realtime_bridge.recording import Recordings
from tests.fakes.call_control import FakeCallControl
from tests.fakes.knowledge import FakeKnowledge, passage
from tests.fakes.object_store import FakeObjectStore
from tests.fakes.voice import FakeVoice
from tests.realtime_bridge.calls import CALL, STREAM, mulaw
from tests.realtime_bridge.scripted_model import ScriptedModel
from tests.realtime_bridge.test_twilio_stream import START
from workers.ports_in_use import free_port

TOKEN = "secret"
BASE = "https://bridge.example"


class Stage:
    """A running bridge and everything around it."""

    def __init__(
        self,
        tmp_path: Path,
        model: ScriptedModel,
        max_calls: int = 300,
        rules: CallRules | None = None,
        *,
        warm: int = 0,
        chained: ScriptedModel | None = None,
        keep_audio: bool = True,
        transcription: Transcription | None = None,
    ) -> None:
        self.model = model
        self.control = FakeCallControl()
        self.media_port = free_port()
        self.media_url = f"ws://127.0.0.1:{self.media_port}/media"
        self._sign = RequestValidator(TOKEN)
        lanes = [ModelEndpoint(model.url, "gpt-realtime-2", "sk-test")]
        if chained is not None:
            lanes.append(ModelEndpoint(chained.url, "ours", name="chained"))
        config = BridgeConfig(
            host="127.0.0.1",
            port=0,
            media_port=self.media_port,
            bridge_url=BASE,
            media_url=self.media_url,
            auth_token=TOKEN,
            lanes=tuple(lanes),
            warm_sessions=warm,
            company="Meridian",
            zone=ZoneInfo("America/New_York"),
            spool_path=tmp_path / "spool.sqlite",
            max_calls=max_calls,
            rules=rules or CallRules(),
        )
        self.knowledge = FakeKnowledge([passage("reset-password", "Choose Forgot password on the sign-in page.")])
        phrases = PhraseBook(FakeVoice(), FakeObjectStore(), "Meridian")
        self.store = FakeObjectStore()
        self.recordings = Recordings(self.store, pauses=())
        kept = self.recordings if keep_audio else None
        self.bridge = Bridge(config, self.knowledge, self.control, phrases, kept, transcription)
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(self.bridge.http), base_url=BASE)

    async def post(self, path: str, signature: str | None = None, **form: str) -> httpx.Response:
        """A webhook as Twilio sends it, signed unless told otherwise."""
        fields = {"CallSid": CALL, "From": "+15550100999", "To": "+15550100100", **form}
        given = self._sign.compute_signature(BASE + path, fields) if signature is None else signature
        headers = {"X-Twilio-Signature": given, "Content-Type": "application/x-www-form-urlencoded"}
        return await self.http.post(path, content=urlencode(fields), headers=headers)

    @asynccontextmanager
    async def phone(self) -> AsyncIterator["Phone"]:
        headers = self.upgrade_headers()
        async with connect(self.media_url, additional_headers=headers, compression=None) as socket:
            yield Phone(socket)

    def upgrade_headers(self) -> dict[str, str]:
        """What Twilio signs an upgrade with."""
        return {"X-Twilio-Signature": self._sign.compute_signature(self.media_url, {})}

    @staticmethod
    def token(call_sid: str = CALL, at: float | None = None) -> str:
        """The stream token as our TwiML carries it."""
        return StreamTokens(TOKEN).mint(call_sid, time.time() if at is None else at)

    def kinds(self) -> list[FactKind]:
        return [fact.kind for fact in self.control.delivered]


class Phone:
    """Twilio's end of the media socket."""

    def __init__(self, socket: ClientConnection, call_sid: str = CALL, stream_sid: str = STREAM) -> None:
        self.socket = socket
        self.call_sid = call_sid
        self.stream_sid = stream_sid
        self.heard: list[dict[str, Any]] = []

    async def send(self, frame: dict[str, Any] | str) -> None:
        await self.socket.send(frame if isinstance(frame, str) else orjson.dumps(frame).decode())

    async def start(self, **more: str) -> None:
        await self.send({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        parameters = {"from": "+15550100999", "to": "+15550100100", "language": "en", "token": Stage.token(), **more}
        start = {**START["start"], "callSid": self.call_sid, "streamSid": self.stream_sid}  # type: ignore[dict-item]
        await self.send({**START, "streamSid": self.stream_sid, "start": {**start, "customParameters": parameters}})

    async def speak(self, frames: int = 10, payload: str | None = None) -> None:
        for _ in range(frames):
            media = {"track": "inbound", "payload": payload or mulaw(20)}
            await self.send({"event": "media", "streamSid": self.stream_sid, "media": media})

    async def until(self, event: str) -> dict[str, Any]:
        """The next frame of this kind."""
        while True:
            frame = orjson.loads(await asyncio.wait_for(self.socket.recv(), 10))
            self.heard.append(frame)
            if frame["event"] == event:
                return dict(frame)

    async def play_all(self, until_mark_of: str) -> None:
        """Echo marks as they come, up to one of this item."""
        while True:
            name = (await self.until("mark"))["mark"]["name"]
            await self.send({"event": "mark", "streamSid": self.stream_sid, "mark": {"name": name}})
            if name.startswith(until_mark_of):
                return

    async def hang_up(self) -> None:
        await self.send({"event": "stop", "streamSid": self.stream_sid, "stop": {"callSid": self.call_sid}})
        await self.closed()

    def deafen(self) -> None:
        """Read nothing any more."""
        self.socket.transport.pause_reading()

    async def closed(self) -> None:
        """Returns once the bridge has closed the stream."""
        async with asyncio.timeout(10):
            async for frame in self.socket:
                self.heard.append(orjson.loads(frame))
