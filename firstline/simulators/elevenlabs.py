"""ElevenLabs on the loopback: the streaming text-to-speech WebSocket, which really speaks.

`WS /v1/text-to-speech/{voice}/stream-input`: text in, base64 sound and the timing of its letters out, as the published
reference has it. The sound is eSpeak NG's, or that of a voice that is handed over.
"""

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from firstline.speech.audio import AudioFormat, Samples, encode, resample
from firstline.speech.formant import formant_voice

Say = Callable[[str, str], tuple[Samples, int]]
"""(text, language) -> sound and its rate, Hz."""

CHUNK_MS = 250
"""Sound in one message."""

_FORMS = {"ulaw_8000": AudioFormat.PCMU, "pcm_24000": AudioFormat.PCM}


def formant(text: str, language: str) -> tuple[Samples, int]:
    """eSpeak NG."""
    voice = formant_voice()
    return voice.say(text, language, 1.0), voice.rate


@dataclass
class ElevenLabs:
    """The service. `texts` holds what each connection was asked to say, `queries` how it was opened."""

    api_key: str = ""
    """Empty takes every key."""
    say: Say = formant
    first_byte_ms: float = 0.0
    """What ElevenLabs takes to begin with the sound of a text."""
    breaks_after: int | None = None
    """Messages with sound after which the connection is lost; None for never."""
    aligned: bool = True
    """Whether the timing of the letters is sent."""
    texts: list[list[str]] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a client left before the end."""

    def routes(self) -> list[WebSocketRoute]:
        """At the root of a base URL."""
        return [WebSocketRoute("/v1/text-to-speech/{voice}/stream-input", self.speak)]

    def app(self) -> Starlette:
        """An ASGI app for uvicorn."""
        return Starlette(routes=self.routes())

    async def speak(self, socket: WebSocket) -> None:
        """One connection: one answer."""
        await socket.accept()
        if self.api_key and socket.headers.get("xi-api-key") != self.api_key:
            await self._refuse(socket, "invalid_api_key", "Invalid API key")
            return
        query = dict(socket.query_params)
        form = _FORMS.get(query.get("output_format", ""))
        if form is None:
            await self._refuse(socket, "invalid_output_format", "output_format is not supported here")
            return
        self.queries.append(query)
        self.texts.append([])
        try:
            await _Answer(self, socket, form, query, self.texts[-1]).run()
        except WebSocketDisconnect:
            self.closed.set()

    @staticmethod
    async def _refuse(socket: WebSocket, error: str, message: str) -> None:
        await socket.send_text(json.dumps({"message": message, "error": error, "code": 1008}))
        await socket.close(1008, message)


class _Answer:
    def __init__(
        self, service: ElevenLabs, socket: WebSocket, form: AudioFormat, query: dict[str, str], texts: list[str]
    ) -> None:
        self._service = service
        self._socket = socket
        self._form = form
        self._language = query.get("language_code", "en")
        self._at_once = query.get("auto_mode") == "true"
        self._texts = texts
        self._buffer = ""
        self._chunks = 0

    async def run(self) -> None:
        first = json.loads(await self._socket.receive_text())
        if first.get("text") != " ":
            await self._service._refuse(self._socket, "input_invalid", "the first text must be a single space")
            return
        while True:
            message = json.loads(await self._socket.receive_text())
            text = message.get("text")
            if text == "":
                break
            self._texts.append(text)
            self._buffer += text
            if (message.get("flush") or self._at_once) and not await self._generate():
                return
        if await self._generate():
            await self._socket.send_text(json.dumps({"audio": None, "isFinal": True}))
            await self._socket.close(1000)

    async def _generate(self) -> bool:
        """Say what has gathered; False when the connection was lost meanwhile, as asked for."""
        text, self._buffer = self._buffer, ""
        if not text.strip():
            return True
        await asyncio.sleep(self._service.first_byte_ms / 1000)
        samples, rate = await asyncio.to_thread(self._service.say, text, self._language)
        data = encode(resample(samples, rate, self._form.rate), self._form)
        step = CHUNK_MS * self._form.bytes_per_ms
        for start in range(0, len(data), step):
            if self._chunks == self._service.breaks_after:
                await self._socket.close(1011, "an internal error was asked for")
                return False
            self._chunks += 1
            begin, end = (len(text) * min(at, len(data)) // len(data) for at in (start, start + step))
            await self._send(data[start : start + step], text[begin:end])
        return True

    async def _send(self, data: bytes, letters: str) -> None:
        each = len(data) / self._form.bytes_per_ms / max(1, len(letters))
        timing: dict[str, Any] = {
            "chars": list(letters),
            "charStartTimesMs": [round(number * each) for number in range(len(letters))],
            "charDurationsMs": [round(each)] * len(letters),
        }
        alignment = timing if self._service.aligned else None
        audio = base64.b64encode(data).decode("ascii")
        event = {"audio": audio, "isFinal": None, "alignment": alignment, "normalizedAlignment": alignment}
        await self._socket.send_text(json.dumps(event))
