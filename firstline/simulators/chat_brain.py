"""What the simulated chat model thinks: a request's body in, lines of speech and tool calls out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from firstline.speech.answer import Call, Entry, Request, Say, ToolCall, ToolOutput, Words
from firstline.speech.policy import ToolBoundAnswerer


@dataclass(frozen=True)
class Line:
    """Something said, or a tool called."""

    text: str = ""
    call: str = ""
    """Name of the tool; empty for speech."""
    arguments: str = ""
    """JSON."""
    finish: str = ""
    """Another reason to end than being done: `length` or `content_filter`."""


Brain = Callable[[dict[str, Any]], list[Line]]
"""A request's body -> what is answered, at least one line."""


def keyless(body: dict[str, Any]) -> list[Line]:
    """By the rules of the keyless answerer: looks up, hands over, books, and says what the tools returned."""
    offered = [] if body.get("tool_choice") == "none" else body.get("tools") or []
    names = frozenset(tool["function"]["name"] for tool in offered)
    instructions, entries = "", []
    for number, message in enumerate(body["messages"]):
        if number == 0 and message["role"] in ("system", "developer"):
            instructions = str(message["content"])
        else:
            entries += _entries(message, given=_is_given(body["messages"][number:]))
    match ToolBoundAnswerer().decide(Request(entries, instructions, names)):
        case Say(text=text):
            return [Line(text)]
        case Call(name, arguments):
            return [Line(call=name, arguments=arguments)]


def scripted(*answers: list[Line]) -> Brain:
    """These answers, one a request; the last one again and again."""
    left = list(answers)
    return lambda body: left.pop(0) if len(left) > 1 else left[0]


def _is_given(messages: list[dict[str, Any]]) -> bool:
    """Whether a tool's result stands before the caller's words: the model did not ask for it, it was put there."""
    after = next((message for message in messages[1:] if message["role"] != "tool"), None)
    return after is not None and after["role"] == "user"


def _entries(message: dict[str, Any], given: bool) -> list[Entry]:
    if message["role"] == "tool":
        return [ToolOutput(message["tool_call_id"], message["content"])]
    said: list[Entry] = [Words(message["role"], message["content"])] if message.get("content") else []
    calls = message.get("tool_calls", ())
    functions = [(call["id"], call["function"]) for call in calls]
    return said + [ToolCall(call_id, made["name"], made["arguments"], given) for call_id, made in functions]
