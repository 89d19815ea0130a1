"""What the keyless answerer needs to know of a conversation so far."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from firstline.speech.answer import Entry, Request, ToolCall, ToolOutput, Words

_CALL_SID = re.compile(r"\bcall_sid:\s*(CA[a-f0-9]{32})\b")
_LANGUAGE = re.compile(r"\blanguage:\s*([a-z]{2})\b")
_EXACTLY = re.compile(r"^\s*say(?: exactly)?:\s*[\"“]?(.+?)[\"”]?\s*$", re.IGNORECASE | re.DOTALL)

UNKNOWN_CALL = "CA" + "0" * 32
"""Stands in a handoff's arguments where the session names no call."""


@dataclass(frozen=True)
class ToolResult:
    """A tool call with its answer."""

    name: str
    arguments: dict[str, Any]
    output: dict[str, Any] | None
    """None when the answer is no JSON object."""
    raw: str
    call_id: str


class History:
    """A conversation, read backwards."""

    def __init__(self, request: Request) -> None:
        self._entries = [entry for entry in request.entries if getattr(entry, "role", "") != "system"]
        self._instructions = request.instructions
        self._notes = [e.text for e in request.entries if isinstance(e, Words) and e.role == "system"]
        self._given = {e.call_id for e in self._entries if isinstance(e, ToolCall) and e.given}

    @property
    def last(self) -> Entry | None:
        """The newest thing that is no system message, and no tool call that the client put there by itself."""
        return next((entry for entry in reversed(self._entries) if not self._is_given(entry)), None)

    @property
    def language(self) -> str:
        """The last `language: xx` of the instructions; English when there is none."""
        found = _LANGUAGE.findall(self._instructions)
        return str(found[-1]) if found else "en"

    @property
    def call_sid(self) -> str:
        """`call_sid: CA…` of the instructions, or of a system message: instructions that all calls share name none."""
        found = _CALL_SID.search("\n".join([self._instructions, *self._notes]))
        return found[1] if found else UNKNOWN_CALL

    @property
    def dictated(self) -> str | None:
        """The words of instructions that say nothing but `Say exactly: "…"`."""
        found = _EXACTLY.match(self._instructions)
        return " ".join(found[1].split()) if found else None

    @property
    def turn(self) -> str:
        """What the caller wants answered now; empty when nothing was heard."""
        turns = self._turns()
        return turns[-1] if turns else ""

    @property
    def caller(self) -> list[str]:
        """The caller's turns in which something was said, the newest last."""
        return [turn for turn in self._turns() if turn]

    @property
    def agent(self) -> list[str]:
        """All that the agent said and the caller heard, the newest last."""
        said = (entry for entry in self._entries if isinstance(entry, Words) and entry.role == "assistant")
        return [entry.text for entry in said if entry.text]

    @property
    def results(self) -> list[ToolResult]:
        """Every answered tool call, the newest last."""
        calls = {entry.call_id: entry for entry in self._entries if isinstance(entry, ToolCall)}
        answered = (entry for entry in self._entries if isinstance(entry, ToolOutput) and entry.call_id in calls)
        return [_result(calls[entry.call_id], entry.output) for entry in answered]

    @property
    def asked_for(self) -> list[ToolResult]:
        """Those of them that a response called."""
        return [result for result in self.results if result.call_id not in self._given]

    @property
    def lookup(self) -> ToolResult | None:
        """The newest look-up that returned passages; None when there is none."""
        return next(self._lookups(), None)

    @property
    def prepared(self) -> ToolResult | None:
        """The look-up that the client made while the caller said this turn; None when it made none."""
        newest = next(self._lookups(), None)
        return newest if newest and newest.call_id in self._given & self._of_this_turn() else None

    @property
    def earlier_lookup(self) -> ToolResult | None:
        """The newest look-up that was not prepared for this turn; None when there is none."""
        prepared = self.prepared
        return next((each for each in self._lookups() if each != prepared), None)

    @property
    def chunk_ids(self) -> list[str]:
        """Ids of the passages found in the call, the newest look-up first, at most 12."""
        ids = [
            passage["chunk_id"]
            for result in reversed(self.results)
            for passage in passages(result)
            if re.fullmatch(r"kb_[a-f0-9]{12}", str(passage.get("chunk_id")))
        ]
        return list(dict.fromkeys(ids))[:12]

    def _lookups(self) -> Iterator[ToolResult]:
        return (each for each in reversed(self.results) if each.output and "passages" in each.output)

    def _is_given(self, entry: Entry) -> bool:
        return isinstance(entry, ToolCall | ToolOutput) and entry.call_id in self._given

    def _of_this_turn(self) -> set[str]:
        """Ids of the tool calls since the agent was last heard."""
        ids: set[str] = set()
        for entry in reversed(self._entries):
            if isinstance(entry, Words) and entry.role == "assistant" and entry.text:
                break
            if isinstance(entry, ToolCall):
                ids.add(entry.call_id)
        return ids

    def _turns(self) -> list[str]:
        """The caller's words between the agent's: who pauses within a sentence has not said two things."""
        turns: list[str] = []
        open_turn = False
        for entry in self._entries:
            if not isinstance(entry, Words):
                continue
            if entry.role == "assistant":
                open_turn = open_turn and not entry.text
            elif open_turn:
                turns[-1] = f"{turns[-1]} {entry.text}".strip()
            else:
                turns.append(entry.text)
                open_turn = True
        return turns


def passages(result: ToolResult) -> list[dict[str, Any]]:
    """The passages of a look-up; none for another tool."""
    found = (result.output or {}).get("passages")
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def query_of(result: ToolResult) -> str:
    """What a look-up searched for; empty for another tool."""
    return str(result.arguments.get("query") or "")


def sureness(result: ToolResult | None) -> float | None:
    """The runtime's confidence in a look-up, 0..1; None when it said none."""
    value = (result.output or {}).get("confidence") if result else None
    return float(value) if isinstance(value, int | float) else None


def _result(call: ToolCall, raw: str) -> ToolResult:
    arguments, output = _object(call.arguments), _object(raw)
    return ToolResult(call.name, arguments or {}, output, raw, call.call_id)


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
