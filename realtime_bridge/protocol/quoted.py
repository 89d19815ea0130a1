"""Passages that the bridge puts into the model's conversation by itself, before the model has to ask.

They go in as a call of `lookup_article` and its output: models take a tool's output for data, and passages come to them
in that shape anyway. Unused ones are taken out again, so the conversation does not grow by what nobody read.
"""

import math
from collections import deque
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import orjson

from firstline.domain.passages import SearchResult
from firstline.domain.question import content_words, stem
from firstline.domain.refusal import normalise
from firstline.domain.resume import TOOLS_REPLAYED
from realtime_bridge.protocol import realtime
from realtime_bridge.protocol.commands import Command, ToModel, ToolAnswer
from realtime_bridge.protocol.passages import look_up_answer

LOOKUP = "lookup_article"
KEPT = TOOLS_REPLAYED
"""Used look-ups that stay, for "go on" and follow-ups; older ones leave."""
GROUNDED_SHARE, GROUNDED_WORDS = 0.6, 3
"""An answer was made from passages when they hold this share of its content words, and at least so many."""


@dataclass(frozen=True)
class Finding:
    """What a search found. Much of it no model ever reads, and is not written."""

    query: str
    found: SearchResult
    took_ms: float

    @cached_property
    def answer(self) -> ToolAnswer:
        """What a look-up would have answered."""
        return look_up_answer(self.found)

    @cached_property
    def arguments(self) -> str:
        """What the model would have asked with, JSON."""
        return orjson.dumps({"query": self.query}).decode()

    def grounds(self, words: str) -> bool:
        """Whether words that the agent said were made from these passages."""
        said = content_words(words)
        enough = max(GROUNDED_WORDS, math.ceil(GROUNDED_SHARE * len(said)))
        if len(said) < enough:
            return False
        held = self.answer.output.lower() if self.answer.output.isascii() else normalise(self.answer.output)
        found = (word for word in said if stem(word) in held)
        return len(list(islice(found, enough))) == enough


class QuotedPassages:
    """At most one look-up that waits to be used, and the last ones that were."""

    __slots__ = ("_commands", "_count", "_kept", "_waiting", "finding")

    def __init__(self, commands: list[Command]) -> None:
        self._commands = commands
        self._count = 0
        self._waiting = ""
        self.finding: Finding | None = None
        """What is quoted and waits to be used."""
        self._kept: deque[str] = deque()

    def put(self, finding: Finding) -> None:
        """Quote these; they replace what was quoted for the same words a moment ago."""
        before = self._waiting
        self._count += 1
        self._waiting = name = f"ahead_{self._count}"
        self.finding = finding
        self._commands.append(ToModel(realtime.tool_call(f"{name}_call", name, LOOKUP, finding.arguments)))
        self._commands.append(ToModel(realtime.tool_output(name, finding.answer.output, f"{name}_out")))
        # Only now: the caller may stop speaking between two events, and two quotes are better than none.
        self._delete(before)

    def keep(self) -> None:
        """They were used."""
        if self._waiting:
            self._kept.append(self._waiting)
            self._waiting, self.finding = "", None
        if len(self._kept) > KEPT:
            self._delete(self._kept.popleft())

    def take_back(self) -> None:
        """Nobody used them."""
        self._delete(self._waiting)
        self._waiting, self.finding = "", None

    def forget(self) -> None:
        """Another model session takes over; it never had them."""
        self._waiting, self.finding = "", None
        self._kept.clear()

    def _delete(self, name: str) -> None:
        if name:
            self._commands += [ToModel(realtime.delete_item(f"{name}_{part}")) for part in ("call", "out")]
