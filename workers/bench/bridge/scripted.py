"""What every scripted Realtime server does: sessions on loopback, items as the protocol wants them, spoken answers."""

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

from workers.bench.bridge.stamps import stamped

DELTA_MS = 100


class ScriptedServer:
    """A server for any number of sessions; `session` makes the listener of each."""

    def __init__(self, session: Callable[[], WSListener]) -> None:
        self.url = ""
        self._session = session
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on a free port of loopback."""
        self._server = await ws_create_server(self._accept, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"ws://127.0.0.1:{port}/v1/realtime"

    def _accept(self, request: WSUpgradeRequest) -> WSListener:
        return self._session()

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()


class ScriptedSession(WSListener):
    """One session: takes items, and runs `script` from the first `session.update` on."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.config: dict[str, Any] = {}
        """The session as the client last set it."""
        self.items: dict[str, dict[str, Any]] = {}
        """The client's items in the conversation."""
        self._transport: WSTransport | None = None
        self._script: asyncio.Task[None] | None = None
        self._made = 0

    async def script(self) -> None:
        """What happens in the call."""

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        self.say("session.created", session={"type": "realtime"})

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._transport = None
        if self._script is not None:
            self._script.cancel()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is WSMsgType.CLOSE:
            transport.disconnect()
        elif frame.msg_type is WSMsgType.TEXT:
            self.receive(orjson.loads(frame.get_payload_as_bytes()))

    def receive(self, event: dict[str, Any]) -> None:
        """A client event."""
        match event["type"]:
            case "session.update":
                self.config = event["session"]
                self.say("session.updated", session=self.config)
                if self._script is None:
                    self._script = self.loop.create_task(self.script())
            case "conversation.item.create":
                self._add(event["item"])
            case "conversation.item.delete":
                self._delete(event["item_id"])

    def _add(self, item: dict[str, Any]) -> None:
        self._made += 1
        item.setdefault("id", f"item_{self._made}")
        self.items[item["id"]] = item
        for kind in ("conversation.item.added", "conversation.item.done"):
            self.say(kind, previous_item_id=None, item=item)

    def _delete(self, item_id: str) -> None:
        if self.items.pop(item_id, None) is None:
            error = {"type": "invalid_request_error", "code": "item_not_found", "message": f"no item {item_id}"}
            self.say("error", error=error)
        else:
            self.say("conversation.item.deleted", item_id=item_id)

    def answer(self, number: int, text: str, ms: int, response: str | None = None) -> str:
        """A whole spoken response, stamped with its number; returns the item's id. `response` names one under way."""
        if response is None:
            response = f"resp_{number}"
            self.say("response.created", response={"id": response, "status": "in_progress"})
        item = f"item_a{number}"
        delta = {"response_id": response, "item_id": item, "output_index": 0, "content_index": 0}
        self.say("response.output_audio_transcript.delta", **delta, delta=text)
        for _ in range(ms // DELTA_MS):
            self.say("response.output_audio.delta", **delta, delta=stamped(DELTA_MS, number))
        self.say("response.output_item.done", item={"id": item, "type": "message", "status": "completed"})
        self.say("response.done", response={"id": response, "status": "completed", "usage": None})
        return item

    def hear(self, item: str, delta: str) -> None:
        """A bit of what the caller says."""
        kind = "conversation.item.input_audio_transcription.delta"
        self.say(kind, item_id=item, content_index=0, delta=delta)

    def transcribed(self, item: str, text: str) -> None:
        """All of what the caller said."""
        kind = "conversation.item.input_audio_transcription.completed"
        self.say(kind, item_id=item, content_index=0, transcript=text)

    def say(self, kind: str, **fields: Any) -> None:
        """Send a server event."""
        if self._transport is not None:
            self._transport.send(WSMsgType.TEXT, orjson.dumps({"type": kind, "event_id": "event_0", **fields}))
