"""A scripted realtime model: hears the words in the audio, asks for tools, speaks what they answer. No speech models.

Source of names and shapes: the Realtime API reference (GA). Like the vendor's, it sends an answer faster than it plays.
"""

import asyncio
import base64
import re
from dataclasses import dataclass, field
from typing import Any

import orjson
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

from firstline.simulators.mulaw import FRAME_MS, babble
from workers.bench.lifecycle.words import Piece, heard

THINK_S = 0.15
ANSWER_MS = 1200
DELTA_MS = 200
SILENT_FRAMES = 10
"""So much silence in the middle of a sentence, and the caller has stopped."""
_SOUND = base64.b64encode(babble(DELTA_MS)).decode("ascii")
_WHEN = re.compile(r"call me back (in .+?)[.?!]", re.IGNORECASE)
_PERSON = re.compile(r"\b(person|charged|invoice)\b", re.IGNORECASE)
_CALL_SID = re.compile(r"^call_sid: (CA[0-9a-f]{32})$", re.MULTILINE)


@dataclass
class Heard:
    """What one session was told and heard, in order, for whoever checks what a resumed call knows."""

    call_sid: str = ""
    instructions: str = ""
    items: list[dict[str, Any]] = field(default_factory=list)


class ScriptedModel:
    """A server for any number of sessions."""

    def __init__(self) -> None:
        self.sessions: list[Heard] = []
        self.url = ""
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on a free port of loopback."""
        self._server = await ws_create_server(self._accept, "127.0.0.1", 0)
        self.url = f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1/realtime"

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    def of(self, call_sid: str) -> list[Heard]:
        """The sessions of a call, in order."""
        return [session for session in self.sessions if session.call_sid == call_sid]

    def _accept(self, request: WSUpgradeRequest) -> WSListener:
        session = Heard()
        self.sessions.append(session)
        return _Session(session)


class _Session(WSListener):
    """One conversation. Its ears first, then its mind, then its mouth."""

    def __init__(self, told: Heard) -> None:
        self._told = told
        self._transport: WSTransport | None = None
        self._answering: asyncio.Task[None] | None = None
        self._numbers = 0
        self._frames = 0
        # The sentence being heard, and how many of its frames were; None between sentences.
        self._sentence: Piece | None = None
        self._pieces = 0
        self._silent = 0

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        self._say("session.created", session={"type": "realtime"})

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._transport = None
        if self._answering is not None:
            self._answering.cancel()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is WSMsgType.CLOSE:
            transport.disconnect()
            return
        event = orjson.loads(frame.get_payload_as_bytes())
        match event.get("type"):
            case "input_audio_buffer.append":
                self._hear(heard(event["audio"]))
            case "session.update":
                self._told.instructions = event["session"].get("instructions", "")
                self._say("session.updated", session=event["session"])
            case "conversation.item.create":
                self._told.items.append(event["item"])
                self._learn(event["item"])
            case "response.create":
                self._answer()
            case "response.cancel":
                self._stop()

    def _learn(self, item: dict[str, Any]) -> None:
        """Which call this is comes as a note of the system's."""
        text = " ".join(part.get("text", "") for part in item.get("content", []))
        if item.get("role") == "system" and (found := _CALL_SID.search(text)):
            self._told.call_sid = found[1]

    # --- ears

    def _hear(self, piece: Piece | None) -> None:
        self._frames += 1
        if piece is None:
            self._silent += 1
            if self._sentence is not None and self._silent >= SILENT_FRAMES:
                self._stopped()
            return
        self._silent = 0
        if self._sentence is None:
            self._pieces = 0
            self._say("input_audio_buffer.speech_started", item_id=self._item(), audio_start_ms=self._now_ms)
            self._stop()
        self._sentence = piece
        self._pieces += 1
        if piece.last:
            self._stopped()

    def _stopped(self) -> None:
        """Half of the words are enough to understand them."""
        piece, self._sentence = self._sentence, None
        assert piece is not None
        text = piece.text if self._pieces * 2 >= piece.total else ""
        item = f"item_u{self._numbers}"
        self._say("input_audio_buffer.speech_stopped", item_id=item, audio_end_ms=self._now_ms)
        self._say("input_audio_buffer.committed", item_id=item, previous_item_id=None)
        kind = "conversation.item.input_audio_transcription.completed"
        self._say(kind, item_id=item, content_index=0, transcript=text)
        content = [{"type": "input_text", "text": text}]
        self._told.items.append({"type": "message", "role": "user", "content": content})
        self._answer()

    def _item(self) -> str:
        self._numbers += 1
        return f"item_u{self._numbers}"

    @property
    def _now_ms(self) -> int:
        return self._frames * FRAME_MS

    # --- mind

    def _answer(self) -> None:
        self._stop()
        self._answering = asyncio.get_running_loop().create_task(self._think())

    async def _think(self) -> None:
        await asyncio.sleep(THINK_S)
        last: dict[str, Any] = next((item for item in reversed(self._told.items) if item.get("role") != "system"), {})
        if last.get("type") == "function_call_output":
            self._speak(_told_by(last["output"]))
            return
        text = last["content"][0].get("text", "") if last.get("role") == "user" else ""
        name, arguments = _wanted(text, self._told.call_sid)
        if name:
            self._ask(name, arguments)
        else:
            self._speak("You are welcome." if text else "Please say that again.")

    def _stop(self) -> None:
        if self._answering is not None:
            self._answering.cancel()

    # --- mouth

    def _ask(self, name: str, arguments: dict[str, Any]) -> None:
        response = self._begin()
        told = orjson.dumps(arguments).decode()
        item = {"type": "function_call", "status": "completed", "call_id": f"call_{response}", "name": name}
        self._say("response.output_item.done", response_id=response, item={**item, "arguments": told})
        self._say("response.done", response={"id": response, "status": "completed"})

    def _speak(self, text: str) -> None:
        response = self._begin()
        item = f"item_{response}"
        where = {"response_id": response, "item_id": item, "output_index": 0, "content_index": 0}
        self._say("response.output_audio_transcript.delta", **where, delta=text)
        for _ in range(ANSWER_MS // DELTA_MS):
            self._say("response.output_audio.delta", **where, delta=_SOUND)
        done = {"id": item, "type": "message", "status": "completed"}
        self._say("response.output_item.done", response_id=response, item=done)
        self._say("response.done", response={"id": response, "status": "completed"})
        content = [{"type": "output_text", "text": text}]
        self._told.items.append({"type": "message", "role": "assistant", "content": content})

    def _begin(self) -> str:
        self._numbers += 1
        response = f"resp_{self._numbers}"
        self._say("response.created", response={"id": response, "status": "in_progress"})
        return response

    def _say(self, kind: str, **fields: Any) -> None:
        if self._transport is not None:
            self._transport.send(WSMsgType.TEXT, orjson.dumps({"type": kind, "event_id": "event_0", **fields}))


def _wanted(text: str, call_sid: str) -> tuple[str, dict[str, Any]]:
    """The tool for these words with its arguments; an empty name for none."""
    if when := _WHEN.search(text):
        return "schedule_callback", {"when": when[1], "topic": "the question of this call"}
    if _PERSON.search(text):
        state = {
            "call_sid": call_sid,
            "language": "en",
            "transcript_summary": "The caller wants a person. Nothing was looked up.",
            "retrieved_chunk_ids": [],
        }
        return "handoff_to_human", {"reason": "caller_request", "confidence": 0.0, "call_state": state}
    return ("lookup_article", {"query": text}) if text.endswith("?") else ("", {})


def _told_by(output: str) -> str:
    answer = orjson.loads(output)
    if passages := answer.get("passages"):
        return str(passages[0]["text"])[:200]
    return str(answer.get("say") or "I could not find that.")
