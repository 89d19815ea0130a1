"""ElevenLabs as the voice: one streaming WebSocket an answer, clauses in, sound in the caller's own format out.

https://elevenlabs.io/docs/api-reference/text-to-speech/v-1-text-to-speech-voice-id-stream-input. The official SDK's
client for it is synchronous and does not pass the timing of the letters on, so this speaks the protocol itself.
"""

import asyncio
import base64
import binascii
import json
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from typing import Any
from urllib.parse import quote, urlencode

import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from firstline.speech.audio import AudioFormat
from firstline.speech.speak import SpokenPiece
from firstline.speech.steady import VoiceFailed

BASE_URL = "wss://api.elevenlabs.io"
CONNECT_SECONDS = 2.0
WAIT_SECONDS = 3.0
"""The most that sound may be waited for, once there are words to speak."""
KEPT_SECONDS = 15.0
"""How long a connection is kept for an answer that does not come; ElevenLabs closes one after 20 s without words."""
LETTERS_A_SECOND = 15
"""How fast the voice speaks, about: used only where ElevenLabs sends no timing."""

_FORMATS = {AudioFormat.PCMU: "ulaw_8000", AudioFormat.PCM: "pcm_24000"}
_SLOWEST, _FASTEST = 0.7, 1.2

log = structlog.get_logger()


class ElevenLabsSpeaker:
    """A `Speaker`. It has no voice of its own for when ElevenLabs fails: `steady.SteadySpeaker` gives it one."""

    def __init__(self, api_key: str, voice_id: str, model: str, base_url: str = "") -> None:
        self._key = api_key
        self._path = f"{base_url or BASE_URL}/v1/text-to-speech/{quote(voice_id, safe='')}/stream-input"
        self._model = model
        self._prepared: dict[str, deque[asyncio.Task[ClientConnection]]] = {}

    def prepare(self, language: str, form: AudioFormat) -> None:
        """Connect while the answer is still being thought out."""
        address = self._address(language, form)
        opening = asyncio.create_task(self._open(address))
        # Whoever takes it hears of its failure; nobody else needs to.
        opening.add_done_callback(lambda task: task.cancelled() or task.exception())
        self._prepared.setdefault(address, deque()).append(opening)
        asyncio.get_running_loop().call_later(KEPT_SECONDS, self._give_up, address, opening)

    async def stream(
        self, words: AsyncIterator[str], language: str, form: AudioFormat, speed: float = 1.0
    ) -> AsyncGenerator[SpokenPiece]:
        """The clauses as sound. Raises `VoiceFailed`."""
        socket = await self._take(self._address(language, form))
        try:
            async with aclosing(_Utterance(socket, form).pieces(words, speed)) as pieces:
                async for piece in pieces:
                    yield piece
        except ConnectionClosed as closed:
            raise VoiceFailed(f"closed_{closed.rcvd.code if closed.rcvd else 1006}") from closed
        except TimeoutError:
            raise VoiceFailed("timeout") from None
        finally:
            # No closing handshake: nothing that is still under way is wanted, least of all when the caller cut in.
            socket.transport.abort()

    def close(self) -> None:
        """Close what was prepared and not used."""
        for address, waiting in list(self._prepared.items()):
            for opening in list(waiting):
                self._give_up(address, opening)

    def _address(self, language: str, form: AudioFormat) -> str:
        query = {
            "model_id": self._model,
            "output_format": _FORMATS[form],
            # What is sent are whole clauses: each is to be spoken at once.
            "auto_mode": "true",
            "sync_alignment": "true",
        }
        # Only these models take a language; the others tell it by the words.
        if self._model.endswith("_v2_5"):
            query["language_code"] = language
        return f"{self._path}?{urlencode(query)}"

    async def _take(self, address: str) -> ClientConnection:
        waiting = self._prepared.get(address)
        opening = waiting.popleft() if waiting else asyncio.create_task(self._open(address))
        try:
            return await opening
        except InvalidStatus as refused:
            raise VoiceFailed(f"status_{refused.response.status_code}") from refused
        except (WebSocketException, OSError) as error:
            raise VoiceFailed("unreachable") from error

    async def _open(self, address: str) -> ClientConnection:
        return await connect(
            address,
            additional_headers={"xi-api-key": self._key},
            open_timeout=CONNECT_SECONDS,
            max_size=4 * 2**20,
            compression=None,
        )

    def _give_up(self, address: str, opening: "asyncio.Task[ClientConnection]") -> None:
        waiting = self._prepared.get(address)
        if not waiting or opening not in waiting:
            return
        waiting.remove(opening)
        if not opening.done():
            opening.cancel()
        elif opening.exception() is None:
            opening.result().transport.abort()


class _Utterance:
    """One answer on one connection."""

    def __init__(self, socket: ClientConnection, form: AudioFormat) -> None:
        self._socket = socket
        self._form = form
        self._sent = ""
        self._voiced = 0
        """Letters of `_sent` whose sound is here."""
        self._ended = False
        """All words were sent."""
        self._told = 0
        """Letters of `_sent` that were passed on as text, up to the end of a word."""
        self._deadline: float | None = None
        """Loop time by which something must come; None while nothing is awaited."""
        self._limit: asyncio.Timeout | None = None

    async def pieces(self, words: AsyncIterator[str], speed: float) -> AsyncGenerator[SpokenPiece]:
        with suppress(ConnectionClosed):  # what the server said before is still to be read
            await self._send(_opening(speed))
        sending = asyncio.create_task(self._send_all(words))
        try:
            final = False
            while not final:
                event = _event(await self._receive())
                piece = self._piece(event)
                if piece:
                    yield piece
                final = bool(event.get("isFinal"))
            if not sending.done():
                raise VoiceFailed("ended_early")
            if self._told < len(self._sent.rstrip()):
                yield SpokenPiece(self._tell(len(self._sent)), b"")
        finally:
            sending.cancel()
            with suppress(asyncio.CancelledError, ConnectionClosed):
                await sending

    async def _send_all(self, words: AsyncIterator[str]) -> None:
        async for text in words:
            clause = f"{text.strip()} "
            self._sent += clause
            await self._send({"text": clause, "flush": True})
            self._wait()
        await self._send({"text": ""})
        self._ended = True
        self._wait()

    async def _receive(self) -> str | bytes:
        async with asyncio.timeout_at(self._deadline) as self._limit:
            return await self._socket.recv()

    async def _send(self, message: dict[str, Any]) -> None:
        await self._socket.send(json.dumps(message, ensure_ascii=False))

    def _wait(self, awaited: bool = True) -> None:
        """From now on sound, or the end, must come soon; or need not come."""
        self._deadline = asyncio.get_running_loop().time() + WAIT_SECONDS if awaited else None
        if self._limit is not None and not self._limit.expired():
            with suppress(RuntimeError):  # not within a wait just now
                self._limit.reschedule(self._deadline)

    def _piece(self, event: dict[str, Any]) -> SpokenPiece | None:
        if event.get("error"):
            raise VoiceFailed(str(event["error"]))
        try:
            data = base64.b64decode(event.get("audio") or "", validate=True)
        except (binascii.Error, TypeError, ValueError):
            raise VoiceFailed("audio_not_base64") from None
        if not data:
            return None
        timing = event.get("alignment")
        if timing:
            self._voiced += len(timing.get("chars", ()))
        else:
            self._voiced += round(len(data) / self._form.bytes_per_ms * LETTERS_A_SECOND / 1000)
        self._wait(self._voiced < len(self._sent.rstrip()) or self._ended)
        return SpokenPiece(self._tell(min(self._voiced, len(self._sent))), data)

    def _tell(self, upto: int) -> str:
        """The whole words up to this letter that were not told yet."""
        while 0 < upto < len(self._sent) and not self._sent[upto].isspace() and not self._sent[upto - 1].isspace():
            upto -= 1
        text, self._told = self._sent[self._told : upto], max(self._told, upto)
        return text.strip()


def _opening(speed: float) -> dict[str, Any]:
    if speed == 1.0:
        return {"text": " "}
    return {"text": " ", "voice_settings": {"speed": min(_FASTEST, max(_SLOWEST, speed))}}


def _event(message: str | bytes) -> dict[str, Any]:
    try:
        event = json.loads(message)
    except ValueError:
        event = None
    if not isinstance(event, dict):
        raise VoiceFailed("not_an_event")
    return event
