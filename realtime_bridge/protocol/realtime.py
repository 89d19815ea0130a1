"""Client events of the OpenAI Realtime protocol, as this bridge sends them.

Names and shapes: GA event names, nested session (https://developers.openai.com/api/reference/resources/realtime).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

SILENCE_MS = 500
"""Silence after which the server calls the caller's speech ended; part of `turn_gap_ms`, not of `first_audio_ms`."""


@dataclass(frozen=True)
class SessionConfig:
    """What a call asks of the model."""

    instructions: str
    tools: Sequence[dict[str, Any]]
    voice: str
    language: str
    transcription_model: str = "gpt-4o-mini-transcribe"


def session_update(config: SessionConfig) -> bytes:
    """G.711 µ-law both ways: nothing is transcoded. The bridge alone cancels on barge-in: one canceller, no race."""
    pcmu = {"type": "audio/pcmu"}
    session = {
        "type": "realtime",
        "output_modalities": ["audio"],
        "instructions": config.instructions,
        "audio": {
            "input": {
                "format": pcmu,
                "transcription": {"model": config.transcription_model, "language": config.language},
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0.5,
                    "prefix_padding_ms": 300,
                    "silence_duration_ms": SILENCE_MS,
                    "create_response": True,
                    "interrupt_response": False,
                },
            },
            "output": {"format": pcmu, "voice": config.voice},
        },
        "tools": list(config.tools),
        "tool_choice": "auto",
    }
    return orjson.dumps({"type": "session.update", "session": session})


def append_audio(payload: str) -> bytes:
    """Caller audio, base64 µ-law as Twilio sent it."""
    return b'{"type":"input_audio_buffer.append","audio":"' + payload.encode("ascii") + b'"}'


def assistant_said(text: str) -> bytes:
    """Put words that the caller heard from outside the model (the greeting) into the conversation."""
    item = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}
    return orjson.dumps({"type": "conversation.item.create", "item": item})


def caller_said(text: str) -> bytes:
    """Put the caller's words from before a break into the conversation."""
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    return orjson.dumps({"type": "conversation.item.create", "item": item})


def system_note(text: str) -> bytes:
    """Put something the runtime knows into the conversation."""
    item = {"type": "message", "role": "system", "content": [{"type": "input_text", "text": text}]}
    return orjson.dumps({"type": "conversation.item.create", "item": item})


def tool_call(item_id: str, call_id: str, name: str, arguments: str) -> bytes:
    """Put a function call into the conversation that the model did not have to make; its output follows."""
    item = {"id": item_id, "type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}
    return orjson.dumps({"type": "conversation.item.create", "item": item})


def tool_output(call_id: str, output: str, item_id: str = "") -> bytes:
    """Answer a function call; a `response_create` follows once no response is active. One without an id gets one."""
    item = {"type": "function_call_output", "call_id": call_id, "output": output}
    if item_id:
        item["id"] = item_id
    return orjson.dumps({"type": "conversation.item.create", "item": item})


def delete_item(item_id: str) -> bytes:
    """Take an item out of the conversation. One that is not there would be an error."""
    return orjson.dumps({"type": "conversation.item.delete", "item_id": item_id})


def response_create() -> bytes:
    """Ask for the next response."""
    return b'{"type":"response.create"}'


def response_cancel(response_id: str) -> bytes:
    """Stop the active response."""
    return orjson.dumps({"type": "response.cancel", "response_id": response_id})


def truncate(item_id: str, heard_ms: float) -> bytes:
    """Forget what the caller did not hear of an item. `audio_end_ms` beyond the real length would be an error."""
    event = {
        "type": "conversation.item.truncate",
        "item_id": item_id,
        "content_index": 0,
        "audio_end_ms": int(heard_ms),
    }
    return orjson.dumps(event)
