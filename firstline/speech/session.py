"""One session of the Realtime protocol, without sockets, threads or a clock.

Feed it client events (`receive`) and the results of its commands; perform what `take_commands` returns, in order.
"""

import base64
import binascii
from collections.abc import Callable
from typing import Any

from firstline.speech.commands import Command
from firstline.speech.config import Refused, SessionConfig, updated
from firstline.speech.conversation import Conversation
from firstline.speech.hear import SpeechProbability
from firstline.speech.outbox import Outbox
from firstline.speech.respond import snapshot
from firstline.speech.responding import Responding
from firstline.speech.transcript import Transcript
from firstline.speech.turns import CallerTurns

NewId = Callable[[str], str]


class Session:
    """Decides what the server says and does.

    Attributes of interest: `responding` takes the answerer's and the voice's results, `turns` the transcriber's.
    """

    def __init__(
        self, model: str, probability: SpeechProbability, new_id: NewId, languages: frozenset[str] | None = None
    ) -> None:
        """`languages` are those that the transcriber understands; None for any."""
        self.id = new_id("sess")
        self.config = SessionConfig(type="realtime", model=model)
        self._languages = languages
        self._out = Outbox(new_id)
        self._conversation = Conversation(new_id)
        self.responding = Responding(self._out, self._conversation, lambda: self.config)
        self.turns = CallerTurns(self._out, self._conversation, self.responding, probability, lambda: self.config)
        self._handlers: dict[str, Callable[[dict[str, Any]], None]] = {
            "session.update": self._update,
            "input_audio_buffer.append": self._append,
            "input_audio_buffer.commit": lambda _: self.turns.commit(),
            "input_audio_buffer.clear": lambda _: self.turns.clear(),
            "conversation.item.create": self._create_item,
            "conversation.item.retrieve": self._retrieve_item,
            "conversation.item.truncate": self._truncate_item,
            "conversation.item.delete": self._delete_item,
            "response.create": lambda event: self.responding.create(event.get("response")),
            "response.cancel": lambda event: self.responding.cancel(event.get("response_id")),
        }

    def begin(self, expires_at: int) -> None:
        """Greet the client; `expires_at` is in seconds since the epoch."""
        self._out.send("session.created", session=self._wire(expires_at))

    def receive(self, event: Any) -> None:
        """A client event, decoded from JSON. What is wrong with it is answered by an `error` event."""
        event_id = event.get("event_id") if isinstance(event, dict) else None
        try:
            self._handler(event)(event)
        except Refused as refused:
            self._out.error(refused, event_id if isinstance(event_id, str) else None)

    def refuse(self, refused: Refused) -> None:
        """Tell the client of something wrong that is no event at all."""
        self._out.error(refused, None)

    def transcribed(self, ticket: int, transcript: Transcript | None) -> None:
        """The result of a `Transcribe`; None when it failed."""
        self.turns.transcribed(ticket, transcript)

    def take_commands(self) -> list[Command]:
        """What is to be done, in order."""
        return self._out.take()

    def _handler(self, event: Any) -> Callable[[dict[str, Any]], None]:
        kind = event.get("type") if isinstance(event, dict) else None
        if not isinstance(kind, str):
            raise Refused("missing_required_parameter", "an event is a JSON object with a type", "type")
        if kind not in self._handlers:
            raise Refused("invalid_value", f"unknown event type {kind!r}", "type")
        return self._handlers[kind]

    def _wire(self, expires_at: int | None = None) -> dict[str, Any]:
        wire = {"id": self.id, **self.config.wire()}
        return {**wire, "expires_at": expires_at} if expires_at is not None else wire

    def _update(self, event: dict[str, Any]) -> None:
        change = event.get("session")
        if not isinstance(change, dict):
            raise Refused("missing_required_parameter", "session must be an object", "session")
        new = updated(self.config, change, spoken=self.responding.has_spoken)
        self._check_language(new)
        self.config = new
        self.turns.reconfigured()
        self._out.send("session.updated", session=self._wire())

    def _check_language(self, config: SessionConfig) -> None:
        wanted = config.audio.input.transcription.language if config.audio.input.transcription else None
        if wanted and self._languages is not None and wanted not in self._languages:
            known = ", ".join(sorted(self._languages))
            message = f"language {wanted!r}: the server's Whisper model understands only {known}"
            raise Refused("unsupported_language", message, "session.audio.input.transcription.language")

    def _append(self, event: dict[str, Any]) -> None:
        audio = event.get("audio")
        if not isinstance(audio, str):
            raise Refused("missing_required_parameter", "audio must be a base64 string", "audio")
        try:
            data = base64.b64decode(audio, validate=True)
        except (binascii.Error, ValueError):
            raise Refused("invalid_value", "audio is not valid base64", "audio") from None
        self.turns.append(data)

    def _create_item(self, event: dict[str, Any]) -> None:
        item = self._conversation.from_client(event.get("item"))
        before = self._conversation.add(item, event.get("previous_item_id"))
        self._out.send("conversation.item.added", previous_item_id=before, item=snapshot(item))
        self._out.send("conversation.item.done", previous_item_id=before, item=snapshot(item))

    def _retrieve_item(self, event: dict[str, Any]) -> None:
        self._out.send("conversation.item.retrieved", item=snapshot(self._conversation.find(event.get("item_id"))))

    def _delete_item(self, event: dict[str, Any]) -> None:
        self._conversation.remove(event.get("item_id"))
        self._out.send("conversation.item.deleted", item_id=event["item_id"])

    def _truncate_item(self, event: dict[str, Any]) -> None:
        end = event.get("audio_end_ms")
        if not isinstance(end, int) or isinstance(end, bool):
            raise Refused("missing_required_parameter", "audio_end_ms must be a whole number", "audio_end_ms")
        if event.get("content_index") != 0:
            raise Refused("invalid_value", "content_index must be 0: items have one content part", "content_index")
        item = self._conversation.find(event.get("item_id"))
        self.responding.stop_item(item)
        item.truncate(end)
        self._out.send("conversation.item.truncated", item_id=item.id, content_index=0, audio_end_ms=end)
