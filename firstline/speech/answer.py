"""What an answerer is: it reads a conversation and says what to speak or which tool to call.

The keyless answerer is `policy.ToolBoundAnswerer`; a chat model behind the same protocol can take its place.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Protocol


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
class Request:
    """All that an answer may be made from."""

    entries: list[Entry]
    """The conversation, oldest first, as the caller heard it."""
    instructions: str = ""
    tools: frozenset[str] = field(default_factory=frozenset)
    """Names of the functions that may be called now."""


@dataclass(frozen=True)
class Say:
    """Speak this."""

    text: str
    language: str = "en"


@dataclass(frozen=True)
class Call:
    """Call this tool of the session."""

    name: str
    arguments: str
    """JSON."""


class Answerer(Protocol):
    """Answers the last thing in a conversation."""

    def answer(self, request: Request) -> AsyncIterator[Say | Call]:
        """The parts of the answer in order; spoken parts may be as small as a sentence."""
        ...
