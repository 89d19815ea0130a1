"""A chat model on the loopback: OpenAI's chat completions API with tools and streaming, its answers by a script.

`POST …/chat/completions` and `GET …/models`. By default it thinks with the keyless answerer: it calls the tools that
it is offered and says what they return. What OpenAI refuses in a conversation, it refuses too.
"""

import asyncio
import json
import random
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from firstline.simulators.chat_brain import Brain, Line, keyless

CHARACTERS_A_TOKEN = 4
CACHED_STEP = 128
"""OpenAI caches prompts by this many tokens."""


@dataclass(frozen=True)
class Pace:
    """How fast it writes. Times are drawn with a seed, lognormal through both percentiles."""

    first_token_ms: tuple[float, float] = (0.0, 0.0)
    """p50 and p95."""
    tokens_a_second: float = 0.0
    """0: all at once."""
    seed: int = 7


USUAL = Pace(first_token_ms=(350.0, 700.0), tokens_a_second=70.0)
"""A small hosted model on a usual day. Our own assumption, not a vendor's figure."""


@dataclass
class ChatSimulator:
    """One model. `requests` holds every body it was sent; `broken_off` counts the streams that the client closed."""

    api_key: str = ""
    """Asked for when it is not empty."""
    brain: Brain = keyless
    pace: Pace = field(default_factory=Pace)
    failures: list[tuple[int, str]] = field(default_factory=list)
    """(status, code) of the next requests; status 0 breaks off after the first words."""
    requests: list[dict[str, Any]] = field(default_factory=list)
    broken_off: int = 0
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a client closes a stream."""

    def __post_init__(self) -> None:
        self._draws = random.Random(self.pace.seed)
        self._seen: set[str] = set()

    def routes(self) -> list[Route]:
        """Under the base URL that a client is given."""
        return [
            Route("/chat/completions", self.complete, methods=["POST"]),
            Route("/models", self.models, methods=["GET"]),
        ]

    def app(self) -> Starlette:
        """An ASGI app for uvicorn; its base URL is the root."""
        return Starlette(routes=self.routes())

    async def models(self, request: Request) -> Response:
        """The one model."""
        model = {"id": "simulated", "object": "model", "created": 0, "owned_by": "firstline"}
        return JSONResponse({"object": "list", "data": [model]})

    async def complete(self, request: Request) -> Response:
        """200 with a stream of chunks or one completion; 401, 400 or an armed failure."""
        if self.api_key and request.headers.get("authorization") != f"Bearer {self.api_key}":
            return error(401, "invalid_api_key", "Incorrect API key provided.")
        body = await request.json()
        self.requests.append(body)
        status, code = self.failures.pop(0) if self.failures else (200, "")
        if status >= 400:
            return error(status, code, "A failure was asked for.")
        if refused := misfit(body):
            return error(400, "invalid_value", refused)
        lines = self.brain(body)
        if not body.get("stream"):
            return JSONResponse(self._whole(body, lines))
        chunks = self._stream(body, lines, broken=status == 0)
        return StreamingResponse(self._noticing(chunks), media_type="text/event-stream")

    async def _noticing(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        try:
            async for chunk in chunks:
                yield chunk
        except (asyncio.CancelledError, GeneratorExit):
            self.broken_off += 1
            self.closed.set()
            raise

    async def _stream(self, body: dict[str, Any], lines: list[Line], broken: bool) -> AsyncIterator[bytes]:
        base = {
            "id": f"chatcmpl-{uuid.uuid4().hex[:24]}",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": body["model"],
        }
        await asyncio.sleep(self._first_token_seconds())
        yield _sse(base, {"role": "assistant", "content": None if lines[0].call else ""})
        written = 0
        for delta in _deltas(lines):
            yield _sse(base, delta)
            written += 1
            if broken and written == 3:
                return
            if self.pace.tokens_a_second:
                await asyncio.sleep(1 / self.pace.tokens_a_second)
        yield _sse(base, {}, _finish(lines))
        if (body.get("stream_options") or {}).get("include_usage"):
            yield _event({**base, "choices": [], "usage": self._usage(body, written)})
        yield b"data: [DONE]\n\n"

    def _whole(self, body: dict[str, Any], lines: list[Line]) -> dict[str, Any]:
        calls = [_tool_call(line) for line in lines if line.call]
        message: dict[str, Any] = {"role": "assistant", "content": " ".join(line.text for line in lines if line.text)}
        if calls:
            message["tool_calls"] = calls
        return {
            "id": f"chatcmpl-{uuid.uuid4().hex[:24]}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": _finish(lines), "logprobs": None}],
            "usage": self._usage(body, sum(1 for _ in _deltas(lines))),
        }

    def _first_token_seconds(self) -> float:
        middle, late = self.pace.first_token_ms
        if not middle:
            return 0.0
        spread: float = (late / middle) ** (self._draws.gauss(0, 1) / 1.645)
        return middle * spread / 1000

    def _usage(self, body: dict[str, Any], written: int) -> dict[str, Any]:
        prompt = json.dumps([body["messages"], body.get("tools", [])])
        read = len(prompt) // CHARACTERS_A_TOKEN
        cached = (read // CACHED_STEP) * CACHED_STEP if prompt in self._seen else 0
        self._seen.add(prompt)
        return {
            "prompt_tokens": read,
            "completion_tokens": written,
            "total_tokens": read + written,
            "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
        }


def misfit(body: dict[str, Any]) -> str:
    """What OpenAI would refuse in a request, in words; empty for nothing."""
    messages = body.get("messages")
    if not body.get("model") or not isinstance(messages, list) or not messages:
        return "model and messages are required"
    awaited: set[str] = set()
    for message in messages:
        role = message.get("role")
        if role == "tool":
            if message.get("tool_call_id") not in awaited:
                return "messages with role 'tool' must be a response to a preceding message with 'tool_calls'"
            awaited.discard(message["tool_call_id"])
        elif awaited:
            return "an assistant message with 'tool_calls' must be followed by tool messages responding to each"
        elif role not in ("system", "developer", "user", "assistant"):
            return f"unknown role {role!r}"
        awaited |= {call["id"] for call in message.get("tool_calls", ())}
    if awaited:
        return "an assistant message with 'tool_calls' must be followed by tool messages responding to each"
    if not body.get("tools") and body.get("tool_choice") not in (None, "none"):
        return "'tool_choice' is only allowed when 'tools' are specified"
    return ""


def error(status: int, code: str, message: str) -> Response:
    """OpenAI's shape of an error."""
    kind = "insufficient_quota" if code == "insufficient_quota" else "invalid_request_error"
    return JSONResponse({"error": {"message": message, "type": kind, "param": None, "code": code}}, status)


def _finish(lines: list[Line]) -> str:
    return lines[-1].finish or ("tool_calls" if any(line.call for line in lines) else "stop")


def _deltas(lines: list[Line]) -> Iterator[dict[str, Any]]:
    """What a model writes, about a token at a time."""
    number = 0
    for line in lines:
        for piece in _tokens(line.text):
            yield {"content": piece}
        if line.call:
            call = _tool_call(line)
            function = {"name": call["function"]["name"], "arguments": ""}
            yield {"tool_calls": [{**call, "index": number, "function": function}]}
            for piece in _tokens(call["function"]["arguments"]):
                yield {"tool_calls": [{"index": number, "function": {"arguments": piece}}]}
            number += 1


def _tokens(text: str) -> list[str]:
    return [text[start : start + CHARACTERS_A_TOKEN] for start in range(0, len(text), CHARACTERS_A_TOKEN)]


def _tool_call(line: Line) -> dict[str, Any]:
    function = {"name": line.call, "arguments": line.arguments}
    return {"id": f"call_{uuid.uuid4().hex[:24]}", "type": "function", "function": function}


def _sse(base: dict[str, Any], delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
    return _event({**base, "choices": [choice]})


def _event(chunk: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"
