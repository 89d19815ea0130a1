"""One response on its way to the client: its output items and the order of their events."""

import base64
from collections import deque
from dataclasses import dataclass
from typing import Any

from firstline.speech.answer import Call, CallBegun, Part, Spent
from firstline.speech.audio import AudioFormat
from firstline.speech.conversation import Conversation, Item, Spoken
from firstline.speech.outbox import Outbox
from firstline.speech.usage import Tokens, agent_tokens, text_tokens, usage

DELTA_MS = 200
"""The most sound in one `response.output_audio.delta`."""


@dataclass(frozen=True)
class ResponseSettings:
    """How a response is given: the session's settings with the overrides of its `response.create`."""

    modality: str
    """`audio` or `text`."""
    form: AudioFormat
    voice: str | dict[str, Any]
    speed: float
    max_output_tokens: int | str
    metadata: dict[str, str] | None = None


class Response:
    """Sends a response's events. Order: created, items one after the other, done; never anything after done."""

    def __init__(self, out: Outbox, settings: ResponseSettings, conversation: Conversation | None) -> None:
        self.id = out.new_id("resp")
        self.settings = settings
        self.parts: deque[Part] = deque()
        """Answered, not yet begun."""
        self.speaking = ""
        """Language that the voice speaks in; empty while it does not speak."""
        self.takes_more = False
        """True while the voice may be given more words to go on with."""
        self.answer_complete = False
        """True once no more parts will come."""
        self.ending: tuple[str, dict[str, Any]] = ("completed", {})
        """How it will end, as far as is known: status and details."""
        self.spent: Spent | None = None
        """What the model counted; None for an answerer that counts nothing."""
        self.read = self.cached = Tokens()
        """What the answerer read, and the part of it that an earlier response had read."""
        self.output: list[Item] = []
        self._out = out
        self._conversation = conversation
        self._open: Item | None = None

    @property
    def out_of_band(self) -> bool:
        """Outside the conversation: its items are not kept, and it may run beside the spoken response."""
        return self._conversation is None

    @property
    def spoken_ms(self) -> float:
        """Length of the speech so far."""
        return sum(item.spoken_ms for item in self.output)

    @property
    def said(self) -> Tokens:
        """Tokens of the output so far."""
        words = "".join(item.text + item.wire.get("arguments", "") for item in self.output)
        return Tokens(text_tokens(words), agent_tokens(self.spoken_ms))

    @property
    def over_limit(self) -> bool:
        """The output has reached `max_output_tokens`."""
        limit = self.settings.max_output_tokens
        return isinstance(limit, int) and self.said.total >= limit

    def begin(self) -> None:
        """`response.created`."""
        self._out.send("response.created", response=self._wire("in_progress"))

    def spoke(self, text: str, data: bytes) -> None:
        """A piece of speech was made: its words first, then its sound."""
        item = self._message()
        text = f" {text}" if text and self._content(item)["transcript"] else text
        item.pieces.append(Spoken(text, len(data) / self.settings.form.bytes_per_ms))
        self._content(item)["transcript"] += text
        where = self._where(item)
        if text:
            self._out.send("response.output_audio_transcript.delta", **where, delta=text)
        step = DELTA_MS * self.settings.form.bytes_per_ms
        for start in range(0, len(data), step):
            delta = base64.b64encode(data[start : start + step]).decode("ascii")
            self._out.send("response.output_audio.delta", **where, delta=delta)

    def wrote(self, text: str) -> None:
        """A piece of text, where the client wants text."""
        item = self._message()
        content = self._content(item)
        fresh = f" {text}" if content["text"] else text
        content["text"] += fresh
        self._out.send("response.output_text.delta", **self._where(item), delta=fresh)

    def call(self, call: Call) -> None:
        """A tool is called: a whole item at once."""
        self.call_begun(CallBegun(call.name, ""))
        self.call_arguments(call.arguments)
        self.call_ended()

    def call_begun(self, call: CallBegun) -> None:
        """A tool is being called."""
        self._close("completed")
        call_id = call.call_id or self._out.new_id("call")
        self._open = self._add({"type": "function_call", "call_id": call_id, "name": call.name, "arguments": ""})

    def call_arguments(self, delta: str) -> None:
        """The next piece of the open call's arguments."""
        if self._open is not None and self._open.wire["type"] == "function_call":
            self._open.wire["arguments"] += delta
            self._out.send("response.function_call_arguments.delta", **self._of_call(self._open), delta=delta)

    def call_ended(self) -> None:
        """The open call's arguments are whole."""
        if self._open is not None and self._open.wire["type"] == "function_call":
            self._close("completed")

    def finish(self, status: str, details: dict[str, Any] | None = None) -> None:
        """`response.done`, what is open before it closed."""
        self._close("completed" if status == "completed" else "incomplete")
        self._out.send("response.done", response=self._wire(status, details))

    # --- items ------------------------------------------------------------------------------------------------------

    def _message(self) -> Item:
        if self._open is not None and self._open.wire["type"] != "message":
            self._close("completed")
        if self._open is None:
            self._open = item = self._add({"type": "message", "role": "assistant", "content": []})
            in_text = self.settings.modality == "text"
            part = {"type": "text", "text": ""} if in_text else {"type": "audio", "transcript": ""}
            self._out.send("response.content_part.added", **self._where(item), part=part)
            item.wire["content"] = [{**part, "type": f"output_{part['type']}"}]
        return self._open

    def _add(self, fields: dict[str, Any]) -> Item:
        wire = {"id": self._out.new_id("item"), "object": "realtime.item", "status": "in_progress", **fields}
        item = Item(wire)
        self.output.append(item)
        index = len(self.output) - 1
        self._out.send("response.output_item.added", response_id=self.id, output_index=index, item=snapshot(item))
        if self._conversation is not None:
            before = self._conversation.add(item)
            self._out.send("conversation.item.added", previous_item_id=before, item=snapshot(item))
        return item

    def _close(self, status: str) -> None:
        item, self._open = self._open, None
        if item is None:
            return
        if item.wire["type"] == "function_call":
            named = {"name": item.wire["name"], "arguments": item.wire["arguments"]}
            self._out.send("response.function_call_arguments.done", **self._of_call(item), **named)
            self._item_done(item, status)
            return
        content, where = self._content(item), self._where(item)
        if self.settings.modality == "text":
            self._out.send("response.output_text.done", **where, text=content["text"])
            part = {"type": "text", "text": content["text"]}
        else:
            self._out.send("response.output_audio.done", **where)
            self._out.send("response.output_audio_transcript.done", **where, transcript=content["transcript"])
            part = {"type": "audio", "transcript": content["transcript"]}
        self._out.send("response.content_part.done", **where, part=part)
        self._item_done(item, status)

    def _item_done(self, item: Item, status: str) -> None:
        item.wire["status"] = status
        if self._conversation is not None:
            self._out.send("conversation.item.done", item=snapshot(item))
        index = self.output.index(item)
        self._out.send("response.output_item.done", response_id=self.id, output_index=index, item=snapshot(item))

    def _where(self, item: Item) -> dict[str, Any]:
        index = self.output.index(item)
        return {"response_id": self.id, "item_id": item.id, "output_index": index, "content_index": 0}

    def _of_call(self, item: Item) -> dict[str, Any]:
        where = {key: value for key, value in self._where(item).items() if key != "content_index"}
        return {**where, "call_id": item.wire["call_id"]}

    @staticmethod
    def _content(item: Item) -> dict[str, Any]:
        content: dict[str, Any] = item.wire["content"][0]
        return content

    def _wire(self, status: str, details: dict[str, Any] | None = None) -> dict[str, Any]:
        wire: dict[str, Any] = {
            "object": "realtime.response",
            "id": self.id,
            "status": status,
            "output": [snapshot(item) for item in self.output],
            "output_modalities": [self.settings.modality],
            "max_output_tokens": self.settings.max_output_tokens,
            "audio": {"output": {"format": wire_format(self.settings.form), "voice": self.settings.voice}},
        }
        if self.settings.metadata:
            wire["metadata"] = self.settings.metadata
        if status != "in_progress":
            wire["status_details"] = {"type": status, **(details or {})}
            wire["usage"] = self._usage()
        return wire

    def _usage(self) -> dict[str, Any]:
        """What the model counted; where none counts, our own estimate."""
        if self.spent is None:
            return usage(self.read, self.cached, self.said)
        spent = self.spent
        return usage(Tokens(spent.read), Tokens(spent.cached), Tokens(spent.written))


def snapshot(item: Item) -> dict[str, Any]:
    """The item as it is now: what is sent must not change when the item does."""
    wire = dict(item.wire)
    if "content" in wire:
        wire["content"] = [dict(part) for part in wire["content"]]
    return wire


def wire_format(form: AudioFormat) -> dict[str, Any]:
    """The protocol's object for a format."""
    return {"type": form.value, "rate": form.rate} if form is AudioFormat.PCM else {"type": form.value}
