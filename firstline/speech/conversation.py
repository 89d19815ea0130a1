"""The items of a conversation, in order, as the caller heard them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from firstline.speech.answer import Entry, ToolCall, ToolOutput, Words
from firstline.speech.config import Refused
from firstline.speech.usage import Tokens, agent_tokens, caller_tokens, text_tokens

CONTENT_TYPES = {
    "user": {"input_text", "input_audio"},
    "system": {"input_text"},
    "assistant": {"output_text", "output_audio"},
}


@dataclass
class Spoken:
    """A piece of the agent's speech: its words and how long they take."""

    text: str
    ms: float


@dataclass
class Item:
    """One item: what the client sees of it, and what only the server knows."""

    wire: dict[str, Any]
    """The protocol's item, without audio."""
    caller_ms: float = 0.0
    """Length of the caller's sound; 0 for items that are not sound."""
    pieces: list[Spoken] = field(default_factory=list)
    """The agent's speech; empty for items that are not speech."""
    awaited: bool = False
    """True while its transcript is being made."""
    given: bool = False
    """The client created it."""

    @property
    def id(self) -> str:
        """Unique in the conversation."""
        return str(self.wire["id"])

    @property
    def spoken_ms(self) -> float:
        """Length of the agent's sound in this item."""
        return sum(piece.ms for piece in self.pieces)

    @property
    def text(self) -> str:
        """Its words, in whichever form they came."""
        parts = self.wire.get("content", [])
        return " ".join(filter(None, (part.get("text") or part.get("transcript") for part in parts))).strip()

    @property
    def entry(self) -> Entry:
        """The item as an answerer reads it."""
        match self.wire["type"]:
            case "function_call":
                return ToolCall(self.wire.get("call_id", ""), self.wire["name"], self.wire["arguments"], self.given)
            case "function_call_output":
                return ToolOutput(self.wire["call_id"], self.wire["output"])
        return Words(self.wire["role"], self.text)

    @property
    def tokens(self) -> Tokens:
        """What the item costs whenever it is read."""
        if self.caller_ms:
            return Tokens(audio=caller_tokens(self.caller_ms))
        if self.pieces:
            return Tokens(text_tokens(self.text), agent_tokens(self.spoken_ms))
        return Tokens(text_tokens(self.text + self.wire.get("arguments", "") + self.wire.get("output", "")))

    def truncate(self, audio_end_ms: int) -> None:
        """Forget the speech after this moment, sound and words; a word cut in two is forgotten.

        Raises `Refused` when the item is not so long.
        """
        if not self.pieces:
            raise Refused("invalid_value", f"item {self.id} holds no speech of the agent", "item_id")
        if not 0 <= audio_end_ms <= self.spoken_ms:
            message = f"audio_end_ms {audio_end_ms} is not within the {self.spoken_ms:.0f} ms of item {self.id}"
            raise Refused("invalid_value", message, "audio_end_ms")
        kept: list[Spoken] = []
        left = float(audio_end_ms)
        for piece in self.pieces:
            if left <= 0:
                break
            kept.append(piece if piece.ms <= left else _cut(piece, left))
            left -= piece.ms
        # An empty piece keeps the item a spoken one, of no length.
        self.pieces = kept or [Spoken("", 0.0)]
        self.wire["content"] = [{"type": "output_audio", "transcript": "".join(piece.text for piece in kept).strip()}]


def _cut(piece: Spoken, ms: float) -> Spoken:
    """The part of a piece within its first `ms`, taking its letters as equally long."""
    letters = int(len(piece.text) * ms / piece.ms)
    whole_word = letters >= len(piece.text) or piece.text[letters : letters + 1].isspace()
    heard = piece.text[:letters]
    return Spoken(heard if whole_word else heard.rpartition(" ")[0], ms)


class Conversation:
    """Items in order, found by id."""

    def __init__(self, new_id: Callable[[str], str]) -> None:
        self._new_id = new_id
        self._items: list[Item] = []

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items)

    @property
    def last_id(self) -> str | None:
        """Id of the newest item; None when there is none."""
        return self._items[-1].id if self._items else None

    def find(self, item_id: Any) -> Item:
        """Raises `Refused` when there is no such item."""
        found = next((item for item in self._items if item.id == item_id), None)
        if found is None:
            raise Refused("item_not_found", f"there is no item {item_id!r} in the conversation", "item_id")
        return found

    def add(self, item: Item, after: str | None = None) -> str | None:
        """Insert after an item (`root` is the beginning, None the end); returns the id of the item before it."""
        if any(known.id == item.id for known in self._items):
            raise Refused("item_already_exists", f"item id {item.id!r} is taken", "item.id")
        if after is None:
            position = len(self._items)
        elif after == "root":
            position = 0
        else:
            position = self._items.index(self.find(after)) + 1
        self._items.insert(position, item)
        return self._items[position - 1].id if position else None

    def remove(self, item_id: Any) -> None:
        """Raises `Refused` when there is no such item."""
        self._items.remove(self.find(item_id))

    def from_client(self, raw: Any) -> Item:
        """An item as a client may create it, checked; its id is made when it has none. Raises `Refused`."""
        if not isinstance(raw, dict):
            raise Refused("missing_required_parameter", "item must be an object", "item")
        wire = {**raw, "id": raw.get("id") or self._new_id("item"), "object": "realtime.item", "status": "completed"}
        match raw.get("type"):
            case "message":
                _check_message(raw)
            case "function_call_output":
                _need_strings(raw, "call_id", "output")
                self._check_call_known(raw["call_id"])
            case "function_call":
                _need_strings(raw, "name", "arguments")
                wire["call_id"] = raw.get("call_id") or self._new_id("call")
            case other:
                raise Refused("invalid_value", f"items of type {other!r} are not supported", "item.type")
        return Item(wire, given=True)

    def _check_call_known(self, call_id: str) -> None:
        known = (item.wire.get("call_id") for item in self._items if item.wire["type"] == "function_call")
        if call_id not in known:
            raise Refused("invalid_tool_call_id", f"no function call {call_id!r} in the conversation", "item.call_id")


def _need_strings(raw: dict[str, Any], *names: str) -> None:
    for name in names:
        if not isinstance(raw.get(name), str):
            raise Refused("missing_required_parameter", f"item.{name} must be a string", f"item.{name}")


def _check_message(raw: dict[str, Any]) -> None:
    role, content = raw.get("role"), raw.get("content")
    if role not in CONTENT_TYPES:
        raise Refused("invalid_value", f"item.role must be one of {', '.join(CONTENT_TYPES)}", "item.role")
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        raise Refused("missing_required_parameter", "item.content must be a list of objects", "item.content")
    for part in content:
        if part.get("type") not in CONTENT_TYPES[role]:
            allowed = " or ".join(sorted(CONTENT_TYPES[role]))
            raise Refused("invalid_value", f"content of a {role} message must be {allowed}", "item.content.type")
        if part["type"] == "input_audio" and not isinstance(part.get("transcript"), str):
            message = "input_audio in an item needs a transcript here; send sound by input_audio_buffer.append"
            raise Refused("invalid_value", message, "item.content.transcript")
        if part["type"].endswith("_text") and not isinstance(part.get("text"), str):
            raise Refused("missing_required_parameter", "item.content.text must be a string", "item.content.text")
