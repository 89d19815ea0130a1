"""Client events of the OpenAI Realtime protocol, as this bridge sends them.

Names and shapes: GA event names, nested session (https://developers.openai.com/api/reference/resources/realtime).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

SILENCE_MS = 500
"""Silence after which the server calls the caller's speech ended; part of `turn_gap_ms`, not of `first_audio_ms`."""
KEEP_TOKENS = 8000
"""Conversation beyond the instructions that is kept, and paid for each turn: eight minutes of talk, at 10 tokens a
second of the caller and 20 of the agent (https://developers.openai.com/api/docs/guides/realtime-costs)."""
KEEP_RATIO = 0.8
"""Of them, once there are more: cutting a fifth at once breaks the prompt cache once and not every turn."""


@dataclass(frozen=True)
class ModelSettings:
    """How the model listens and thinks, the same for every call."""

    voice: str = "marin"
    transcription_model: str = "gpt-4o-mini-transcribe"
    transcription_logprobs: bool = False
    """Whether transcripts come with how sure the transcriber was; not every transcription model can tell."""
    turn_detection: str = "server_vad"
    """Or `semantic_vad`: the model judges whether the sentence is finished."""
    eagerness: str = "auto"
    """Of `semantic_vad` to answer: low, medium, high, auto."""
    reasoning_effort: str = ""
    """minimal, low, medium, high, xhigh; empty for models that do not reason: it is not sent then."""
    noise_reduction: str = "near_field"
    """Or `far_field`; empty for none."""
    max_output_tokens: int = 1024
    """Of one response: 50 s of speech, or a long tool call."""

    @property
    def silence_ms(self) -> int:
        """Silence that the end of speech waits for; 0 where the model judges by what was said."""
        return SILENCE_MS if self.turn_detection == "server_vad" else 0


@dataclass(frozen=True)
class SessionConfig:
    """What a call asks of the model: the same for all calls of a language, so that OpenAI's prompt cache serves them.

    What differs from call to call (`call_note`) is an item of its conversation instead.
    """

    instructions: str
    tools: Sequence[dict[str, Any]]
    language: str
    model: ModelSettings = ModelSettings()


def session_update(config: SessionConfig) -> bytes:
    """G.711 µ-law both ways: nothing is transcoded. The bridge alone cancels on barge-in: one canceller, no race."""
    model = config.model
    session: dict[str, Any] = {
        "type": "realtime",
        "output_modalities": ["audio"],
        "instructions": config.instructions,
        "tools": list(config.tools),
        "tool_choice": "auto",
        "audio": {"input": _input(config), "output": {"format": {"type": "audio/pcmu"}, "voice": model.voice}},
        "truncation": {
            "type": "retention_ratio",
            "retention_ratio": KEEP_RATIO,
            "token_limits": {"post_instructions": KEEP_TOKENS},
        },
        "max_output_tokens": model.max_output_tokens,
    }
    if model.reasoning_effort:
        # Only models that reason know either of them.
        session |= {"reasoning": {"effort": model.reasoning_effort}, "parallel_tool_calls": False}
    if model.transcription_logprobs:
        session["include"] = ["item.input_audio_transcription.logprobs"]
    return orjson.dumps({"type": "session.update", "session": session})


def server_answers(config: SessionConfig, answers: bool) -> bytes:
    """Whether the server begins a response by itself when the caller has finished; all else of the session stays."""
    session = {"type": "realtime", "audio": {"input": _input(config, answers)}}
    return orjson.dumps({"type": "session.update", "session": session})


def _input(config: SessionConfig, answers: bool = True) -> dict[str, Any]:
    responses = {"create_response": answers, "interrupt_response": False}
    detection: dict[str, Any] = {"type": config.model.turn_detection}
    if config.model.turn_detection == "semantic_vad":
        detection["eagerness"] = config.model.eagerness
    else:
        detection |= {"threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": SILENCE_MS}
    reduction = config.model.noise_reduction
    return {
        "format": {"type": "audio/pcmu"},
        "noise_reduction": {"type": reduction} if reduction else None,
        "transcription": {"model": config.model.transcription_model, "language": config.language},
        "turn_detection": detection | responses,
    }


APPEND = b'{"type":"input_audio_buffer.append","audio":"%b"}'
"""To be filled with base64 µ-law: fifty times a second and call no JSON is made."""


def append_audio(payload: bytes) -> bytes:
    """Caller audio, base64 µ-law as Twilio sent it."""
    return APPEND % payload


def assistant_said(text: str) -> bytes:
    """Put words that the caller heard from outside the model (the greeting) into the conversation."""
    item = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}
    return orjson.dumps({"type": "conversation.item.create", "item": item})


def caller_said(text: str) -> bytes:
    """Put the caller's words from before a break into the conversation."""
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    return orjson.dumps({"type": "conversation.item.create", "item": item})


def caller_said_in(item_id: str, text: str) -> bytes:
    """Put the words of something that the model has as sound right behind it."""
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    return orjson.dumps({"type": "conversation.item.create", "previous_item_id": item_id, "item": item})


def system_note(text: str) -> bytes:
    """Put something the runtime knows into the conversation."""
    item = {"type": "message", "role": "system", "content": [{"type": "input_text", "text": text}]}
    return orjson.dumps({"type": "conversation.item.create", "item": item})


def tool_call(item_id: str, call_id: str, name: str, arguments: str) -> bytes:
    """Put a function call into the conversation that the model did not have to make; its output follows."""
    item = {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}
    if item_id:
        item["id"] = item_id
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
