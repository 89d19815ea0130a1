"""Conversations as the keyless answerer reads them, and its answers."""

import json
from typing import Any

from jsonschema import Draft202012Validator

from firstline.speech.answer import Call, Entry, Request, Say, ToolCall, ToolOutput, Words
from firstline.speech.phrases import COURTESIES
from firstline.speech.policy import ToolBoundAnswerer
from realtime_bridge.tools.schemas import tool_schemas

TOOLS = frozenset({"lookup_article", "handoff_to_human", "schedule_callback"})
CALL_SID = "CA" + "ab" * 16
INSTRUCTIONS = f"Answer from passages.\ncall_sid: {CALL_SID}\nlanguage: en\n"
EN = COURTESIES["en"]

RESET: dict[str, Any] = {
    "chunk_id": "kb_0123456789ab",
    "article_id": "reset-password",
    "title": "Reset your password",
    "heading": "",
    "text": "# Reset your password\n\nTo reset your password, choose **Forgot password?** and open the link that we "
    "send you. The link works once and is valid for 60 minutes.\n\n## Steps\n\n1. Go to **Settings > Security**.\n"
    "2. Choose **Reset**.\n3. Type the new password.\n4. Choose **Save**.\n5. Sign in again.\n\n"
    "See also: [Two-factor](two-factor.md).",
    "similarity": 0.8,
}


def answer(*entries: Entry, tools: frozenset[str] = TOOLS, instructions: str = INSTRUCTIONS) -> Say | Call:
    return ToolBoundAnswerer().decide(Request(list(entries), instructions, tools))


def says(text: str) -> Words:
    return Words("user", text)


def used(name: str, arguments: dict[str, Any], output: Any) -> list[Entry]:
    raw = output if isinstance(output, str) else json.dumps(output)
    return [ToolCall("c1", name, json.dumps(arguments)), ToolOutput("c1", raw)]


def looked_up(question: str, confidence: float = 0.9, *found: dict[str, Any]) -> list[Entry]:
    output = {"passages": list(found or (RESET,)), "confidence": confidence}
    return [says(question), *used("lookup_article", {"query": question}, output)]


def arguments(call: Say | Call, name: str) -> dict[str, Any]:
    """The arguments of the expected call, valid by the bridge's own schema."""
    assert isinstance(call, Call), f"said {call.text!r}"
    assert call.name == name
    parsed = json.loads(call.arguments)
    schema = next(schema for schema in tool_schemas() if schema["name"] == name)
    Draft202012Validator(schema["parameters"]).validate(parsed)
    return dict(parsed)
