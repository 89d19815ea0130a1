"""Any model behind OpenAI's chat completions API as the answerer of our own Realtime server, by the official SDK."""

import re
from collections.abc import AsyncGenerator, Iterator
from typing import Any

from openai import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    AsyncOpenAI,
    Timeout,
)
from openai.types.chat import ChatCompletionChunk
from openai.types.chat.chat_completion_chunk import ChoiceDeltaToolCall

from firstline.adapters.chat_messages import messages, tool_choice, tools
from firstline.speech.answer import (
    AnswerFailed,
    Begun,
    CallArguments,
    CallBegun,
    CallEnded,
    CutShort,
    Part,
    Request,
    Say,
    Spent,
)
from firstline.speech.clauses import ClauseCutter
from firstline.speech.history import History
from firstline.speech.markdown import spoken
from firstline.speech.phrases import courtesies

CONNECT_SECONDS, WAIT_SECONDS = 2.0, 8.0
"""The most that a connection, and then each next token, may take: a caller hears every second of it as silence."""

_MARK = re.compile(r"^(?:#{1,6}|[-*•])\s+")
"""What begins a heading or a point of a list."""

_CUT_SHORT = {"length": "max_output_tokens", "content_filter": "content_filter"}
_STATUS_CODES = {401: "invalid_api_key", 403: "invalid_api_key", 408: "timeout", 429: "rate_limit_exceeded"}


class ChatModel:
    """An `Answerer`: words are spoken clause by clause as they come, tool calls are passed on as they are written."""

    def __init__(self, model: str, api_key: str, base_url: str = "", *, wait_seconds: float = WAIT_SECONDS) -> None:
        """`base_url` ends before `/chat/completions`; empty means OpenAI's."""
        self._model = model
        # No retries: whoever speaks with the caller decides what a failure sounds like.
        self._client = AsyncOpenAI(
            api_key=api_key or "none",
            base_url=base_url or None,
            timeout=Timeout(wait_seconds, connect=CONNECT_SECONDS),
            max_retries=0,
        )

    async def answer(self, request: Request) -> AsyncGenerator[Part]:
        """The answer's parts as the model writes them. Closing the iterator closes the HTTP stream."""
        history = History(request)
        if history.dictated:
            yield Say(history.dictated, history.language)
            return
        reading = Reading(history.language)
        try:
            async with await self._client.chat.completions.create(**self._body(request)) as stream:
                async for chunk in stream:
                    for part in reading.take(chunk):
                        yield part
        except APIError as error:
            for part in reading.end():
                yield part
            raise _failure(error) from error
        for part in reading.end():
            yield part
        if not reading.finished:
            raise AnswerFailed("connection_failed", "the chat model's stream ended before its answer did")

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _body(self, request: Request) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._model,
            "messages": messages(request),
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if request.functions:
            body["tools"] = tools(request.functions)
            body["tool_choice"] = tool_choice(request.choice)
            if request.parallel is not None:
                body["parallel_tool_calls"] = request.parallel
        if request.max_output_tokens is not None:
            body["max_completion_tokens"] = request.max_output_tokens
        return body


class Reading:
    """Makes parts of an answer out of the chunks of its stream."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._then = courtesies(language).then
        self._clauses = ClauseCutter()
        self._begun = False
        self.finished = False
        """The model has said why it ended."""
        self._call: ChoiceDeltaToolCall | None = None

    def take(self, chunk: ChatCompletionChunk) -> Iterator[Part]:
        """The next chunk."""
        for choice in chunk.choices[:1]:
            delta = choice.delta
            if not self._begun and (delta.content or delta.refusal or delta.tool_calls):
                self._begun = True
                yield Begun()
            for clause in self._clauses.feed(delta.content or delta.refusal or ""):
                yield from self._say(clause)
            for call in delta.tool_calls or ():
                yield from self._called(call)
            if choice.finish_reason is not None:
                self.finished = True
                yield from self.end()
            if choice.finish_reason in _CUT_SHORT:
                yield CutShort(_CUT_SHORT[choice.finish_reason])
        if chunk.usage is not None:
            details = chunk.usage.prompt_tokens_details
            cached = (details.cached_tokens if details else None) or 0
            yield Spent(chunk.usage.prompt_tokens, cached, chunk.usage.completion_tokens)

    def end(self) -> Iterator[Part]:
        """No more chunks will come."""
        yield from self._say(self._clauses.rest())
        yield from self._close_call()

    def _say(self, text: str) -> Iterator[Part]:
        # Told to write plain sentences or not, chat models write Markdown, and its marks must not be read out.
        plain = spoken(_MARK.sub("", text), self._then)
        if any(letter.isalnum() for letter in plain):
            yield Say(plain, self._language)

    def _called(self, delta: ChoiceDeltaToolCall) -> Iterator[Part]:
        # A call's first delta carries its id; some servers number every call 0, so the id tells calls apart too.
        if self._call is None or delta.index != self._call.index or (delta.id and delta.id != self._call.id):
            yield from self._say(self._clauses.rest())
            yield from self._close_call()
            self._call = delta
            yield CallBegun((delta.function and delta.function.name) or "", delta.id or "")
        if delta.function and delta.function.arguments:
            yield CallArguments(delta.function.arguments)

    def _close_call(self) -> Iterator[Part]:
        if self._call is not None:
            self._call = None
            yield CallEnded()


def _failure(error: APIError) -> AnswerFailed:
    """What went wrong, by the error's type and status; the message repeats no words of a call."""
    match error:
        case APITimeoutError():
            return AnswerFailed("timeout", "the chat model took too long")
        case APIConnectionError():
            return AnswerFailed("connection_failed", "the chat model cannot be reached")
        case APIStatusError(status_code=429) if error.code == "insufficient_quota":
            return AnswerFailed("insufficient_quota", "the chat model's account has no quota left")
        case APIStatusError(status_code=status):
            usual = "server_error" if status >= 500 else "invalid_request"
            code = _STATUS_CODES.get(status, usual)
            return AnswerFailed(code, f"the chat model answered {status} {error.code or ''}")
    # An error that came within the stream.
    return AnswerFailed(str(error.code or "server_error"), "the chat model broke off its answer")
