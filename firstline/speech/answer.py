"""What an answerer is: it reads a conversation and says what to speak or which tool to call.

The keyless answerer is `policy.ToolBoundAnswerer`; a chat model behind the same protocol (`adapters.chat_model`) can
take its place.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Words:
    """Something said, written or instructed."""

    role: str
    """`user`, `assistant` or `system`."""
    text: str


@dataclass(frozen=True)
class ToolCall:
    """A tool that an earlier response called."""

    call_id: str
    name: str
    arguments: str
    """JSON."""
    given: bool = False
    """The client put it into the conversation, with its output: no response asked for it."""


@dataclass(frozen=True)
class ToolOutput:
    """What the client answered to a tool call."""

    call_id: str
    output: str
    """Usually JSON."""


Entry = Words | ToolCall | ToolOutput


@dataclass(frozen=True)
class Function:
    """A tool that may be called, as the session describes it."""

    name: str
    description: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    """JSON Schema of the arguments."""


@dataclass(frozen=True)
class Request:
    """All that an answer may be made from."""

    entries: list[Entry]
    """The conversation, oldest first, as the caller heard it."""
    instructions: str = ""
    tools: frozenset[str] = field(default_factory=frozenset)
    """Names of the functions that may be called now."""
    functions: tuple[Function, ...] = ()
    """Every function of the session, those that may not be called now included."""
    choice: str = "auto"
    """`auto`, `none`, `required`, or the name of the one function that must be called."""
    parallel: bool | None = None
    """Whether several functions may be called at once; None leaves it to the model."""
    max_output_tokens: int | None = None
    """None for as many as the model can."""


@dataclass(frozen=True)
class Begun:
    """The model has begun to answer: its first token is here, though there is nothing to speak yet."""


@dataclass(frozen=True)
class Say:
    """Speak this, after what was said before it in the same answer."""

    text: str
    language: str = "en"


@dataclass(frozen=True)
class Call:
    """Call this tool of the session."""

    name: str
    arguments: str
    """JSON."""


@dataclass(frozen=True)
class CallBegun:
    """A tool is being called; its arguments follow."""

    name: str
    call_id: str
    """Made by the model."""


@dataclass(frozen=True)
class CallArguments:
    """The next piece of the JSON of the call that has begun."""

    delta: str


@dataclass(frozen=True)
class CallEnded:
    """The arguments of the call that has begun are whole."""


@dataclass(frozen=True)
class Spent:
    """Tokens that the model counted, for `response.done`."""

    read: int
    cached: int
    """The part of `read` that came from the model's cache."""
    written: int


@dataclass(frozen=True)
class CutShort:
    """The model stopped before it was done."""

    reason: str
    """`max_output_tokens` or `content_filter`."""


Part = Begun | Say | Call | CallBegun | CallArguments | CallEnded | Spent | CutShort


class AnswerFailed(Exception):
    """No answer, or only a part of one, will come.

    `code` is what `response.done` tells the client: `rate_limit_exceeded`, `insufficient_quota`, `invalid_api_key`,
    `server_error`, `timeout`, `connection_failed` or `invalid_request`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Answerer(Protocol):
    """Answers the last thing in a conversation."""

    def answer(self, request: Request) -> AsyncGenerator[Part]:
        """The parts of the answer in order; spoken parts are whole clauses. Raises `AnswerFailed`.

        Closing the iterator stops the work.
        """
        ...
