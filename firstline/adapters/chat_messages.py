"""A conversation of the Realtime protocol as the messages of a chat model."""

from collections.abc import Iterable
from typing import Any

from openai.types.chat import (
    ChatCompletionFunctionToolParam,
    ChatCompletionMessageFunctionToolCallParam,
    ChatCompletionMessageParam,
    ChatCompletionToolChoiceOptionParam,
    ChatCompletionToolMessageParam,
)

from firstline.speech.answer import Entry, Function, Request, ToolCall, ToolOutput, Words

NOT_HEARD = "(The caller said something that could not be made out.)"
"""Stands for a turn without words when it is the one to be answered."""

NOT_THERE_YET = '{"status": "the result is not there yet"}'
"""Stands for a tool's answer that is still awaited: a chat model takes no call without one."""


def messages(request: Request) -> list[ChatCompletionMessageParam]:
    """The instructions and the conversation, in the order in which a chat model accepts them.

    A tool's answer is moved up to its call: between the two the protocol allows whatever else was said meanwhile, a
    chat model allows nothing.
    """
    outputs = {entry.call_id: entry.output for entry in request.entries if isinstance(entry, ToolOutput)}
    calls = {entry.call_id for entry in request.entries if isinstance(entry, ToolCall)}
    found: list[ChatCompletionMessageParam] = []
    if request.instructions:
        found.append({"role": "system", "content": request.instructions})
    for entries in _runs(request.entries):
        match entries[0]:
            case ToolCall():
                made = [entry for entry in entries if isinstance(entry, ToolCall)]
                found += _called(made, outputs)
            case Words() as words:
                found += _said(words, last=words is request.entries[-1])
            case ToolOutput(call_id, output) if call_id not in calls:
                found.append({"role": "system", "content": f"An earlier tool call returned: {output}"})
    return found


def tools(functions: Iterable[Function]) -> list[ChatCompletionFunctionToolParam]:
    """The session's functions, nested as the chat API wants them."""
    return [
        {
            "type": "function",
            "function": {
                "name": function.name,
                "description": function.description,
                "parameters": function.parameters or {"type": "object", "properties": {}},
            },
        }
        for function in functions
    ]


def tool_choice(choice: str) -> ChatCompletionToolChoiceOptionParam:
    """`Request.choice` as the chat API wants it."""
    match choice:
        case "auto" | "none" | "required":
            return choice
    return {"type": "function", "function": {"name": choice}}


def _runs(entries: list[Entry]) -> list[list[Entry]]:
    """The entries one by one, tool calls that follow each other together: one message holds them."""
    runs: list[list[Entry]] = []
    for entry in entries:
        if isinstance(entry, ToolCall) and runs and isinstance(runs[-1][0], ToolCall):
            runs[-1].append(entry)
        else:
            runs.append([entry])
    return runs


def _called(calls: list[ToolCall], outputs: dict[str, str]) -> list[ChatCompletionMessageParam]:
    made: list[ChatCompletionMessageFunctionToolCallParam] = [
        {"id": call.call_id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in calls
    ]
    answered: list[ChatCompletionToolMessageParam] = [
        {"role": "tool", "tool_call_id": call.call_id, "content": outputs.get(call.call_id, NOT_THERE_YET)}
        for call in calls
    ]
    return [{"role": "assistant", "tool_calls": made}, *answered]


def _said(words: Words, last: bool) -> list[ChatCompletionMessageParam]:
    role: Any = words.role
    if words.text:
        return [{"role": role, "content": words.text}]
    return [{"role": "user", "content": NOT_HEARD}] if last and role == "user" else []
