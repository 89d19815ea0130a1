"""The scripted realtime model: keeps to the published protocol, thinks as long as it is told, measures what arrives."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import orjson
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

from workers.bench.bridge.stamps import read_stamp, stamped

SPEECH_S = 1.5
"""How long the scripted caller speaks in a turn."""
THINK_S = 0.3
ANSWER_MS = 2000
DELTA_MS = 100
CYCLE_S = 6.0
INTERRUPTED_AFTER_S = 0.9
"""Every second answer is interrupted this long after it began."""


@dataclass
class ModelFigures:
    """What the model's side measured."""

    up_ms: list[float] = field(default_factory=list)
    """Caller audio: phone -> model."""
    received: int = 0
    truncations: list[tuple[int, int, float]] = field(default_factory=list)
    """(answer number, ms told, moment told on the loop's clock)."""
    errors: int = 0


class ScriptedModel:
    """A server for any number of sessions."""

    def __init__(self) -> None:
        self.figures = ModelFigures()
        self.answers = 0
        self.sessions = 0
        self.url = ""
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on a free port of loopback."""
        self._server = await ws_create_server(self._accept, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"ws://127.0.0.1:{port}/v1/realtime"

    def _accept(self, request: WSUpgradeRequest) -> WSListener:
        return _Session(self)

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()


class _Session(WSListener):
    """One session: a turn every six seconds, every second answer interrupted."""

    def __init__(self, model: ScriptedModel) -> None:
        self._model = model
        self._loop = asyncio.get_running_loop()
        self._transport: WSTransport | None = None
        self._number = model.sessions
        model.sessions += 1
        self._turn = 0
        self._script: asyncio.Task[None] | None = None
        self._numbers: dict[str, int] = {}

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        self._say("session.created", session={"type": "realtime"})

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._transport = None
        if self._script is not None:
            self._script.cancel()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is WSMsgType.CLOSE:
            transport.disconnect()
            return
        event = orjson.loads(frame.get_payload_as_bytes())
        kind = event.get("type")
        if kind == "input_audio_buffer.append":
            self._model.figures.received += 1
            self._model.figures.up_ms.append(read_stamp(event["audio"])[0])
        elif kind == "session.update" and self._script is None:
            self._script = self._loop.create_task(self._turns())
        elif kind == "conversation.item.truncate":
            told = (self._numbers.get(event["item_id"], -1), int(event["audio_end_ms"]), self._loop.time())
            self._model.figures.truncations.append(told)

    async def _turns(self) -> None:
        # Spread over a cycle by the golden ratio: calls do not take turns in step, and every run is the same.
        await asyncio.sleep(self._number * 0.618 % 1.0 * CYCLE_S)
        while True:
            self._turn += 1
            item = f"item_u{self._turn}"
            self._say("input_audio_buffer.speech_started", item_id=item, audio_start_ms=0)
            await asyncio.sleep(SPEECH_S)
            self._say("input_audio_buffer.speech_stopped", item_id=item, audio_end_ms=0)
            self._say("input_audio_buffer.committed", item_id=item, previous_item_id=None)
            self._say(
                "conversation.item.input_audio_transcription.completed",
                item_id=item, content_index=0, transcript="How do I reset my password?",
            )  # fmt: skip
            await asyncio.sleep(THINK_S)
            self._answer()
            interrupted = self._turn % 2 == 1
            await asyncio.sleep(INTERRUPTED_AFTER_S if interrupted else CYCLE_S - SPEECH_S - THINK_S)

    def _answer(self) -> None:
        self._model.answers += 1
        number = self._model.answers
        response, item = f"resp_{number}", f"item_a{number}"
        self._numbers[item] = number
        self._say("response.created", response={"id": response, "status": "in_progress"})
        delta = {"response_id": response, "item_id": item, "output_index": 0, "content_index": 0}
        self._say(
            "response.output_audio_transcript.delta", **delta, delta="Choose Forgot password on the sign-in page."
        )
        for _ in range(ANSWER_MS // DELTA_MS):
            self._say("response.output_audio.delta", **delta, delta=stamped(DELTA_MS, number))
        self._say("response.output_item.done", item={"id": item, "type": "message", "status": "completed"})
        self._say("response.done", response={"id": response, "status": "completed", "usage": None})

    def _say(self, kind: str, **fields: Any) -> None:
        if self._transport is not None:
            self._transport.send(WSMsgType.TEXT, orjson.dumps({"type": kind, "event_id": "event_0", **fields}))
