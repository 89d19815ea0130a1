"""Server events of the OpenAI Realtime protocol, as far as a phone call looks into them."""

from collections.abc import Mapping
from typing import Any

from firstline.domain.turn import Usage


def field_of(event: Mapping[str, Any], outer: str, inner: str) -> str:
    """`event[outer][inner]` as text; empty when it is not there."""
    value = event.get(outer)
    return str(value.get(inner) or "") if isinstance(value, Mapping) else ""


def usage_of(usage: object) -> Usage:
    """Tokens of a `response.done`; `cached` is a subset of input."""
    if not isinstance(usage, Mapping):
        return Usage()
    into = usage.get("input_token_details") or {}
    out = usage.get("output_token_details") or {}
    return Usage(
        input_text=int(into.get("text_tokens") or 0),
        input_audio=int(into.get("audio_tokens") or 0),
        cached=int(into.get("cached_tokens") or 0),
        output_text=int(out.get("text_tokens") or 0),
        output_audio=int(out.get("audio_tokens") or 0),
    )


def answers_by_itself(event: Mapping[str, Any]) -> bool:
    """Of a `session.updated`: whether the server begins a response when the caller has finished. Unsaid: it does."""
    inner: Any = event
    for name in ("session", "audio", "input", "turn_detection"):
        inner = inner.get(name) if isinstance(inner, Mapping) else None
    return not isinstance(inner, Mapping) or inner.get("create_response") is not False


NEEDS_NOTHING = frozenset(
    {
        "session.created",
        "session.updated",
        "conversation.created",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.created",
        "conversation.item.truncated",
        "conversation.item.deleted",
        "conversation.item.input_audio_transcription.segment",
        "input_audio_buffer.committed",
        "input_audio_buffer.cleared",
        "response.output_item.added",
        "response.content_part.added",
        "response.content_part.done",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.output_text.delta",
        "response.output_text.done",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
    }
)
"""Events that are known and change nothing in a phone call."""
_UNREAD = frozenset(kind.encode() for kind in NEEDS_NOTHING if not kind.startswith("session."))
_TYPE = b'{"type":"'


def needs_no_reading(data: bytes) -> bool:
    """Of an event as it came: whether it needs nothing, told by its first field; False where that is not its type.

    A server repeats every item that it is given, twice: five passages are 9 KB, parsed for nothing.
    """
    return data.startswith(_TYPE) and data[len(_TYPE) : data.find(b'"', len(_TYPE))] in _UNREAD


WORDS = frozenset({"response.output_audio_transcript.delta", "conversation.item.input_audio_transcription.delta"})
"""Words of the agent's or the caller's, a few at a time: they change nothing of whose turn it is or what is due."""
