"""Searches for what the caller is still saying, so that the passages are there before the question is over.

Partial transcripts in, searches out: at most one under way, a later one in place of an earlier one, and only for a word
that carries meaning. What is found while the caller speaks is quoted to the model (`quoted`). Where partial transcripts
come only after the end of speech, the search runs while the model makes up its mind: when it then asks for what is
searched already, it is answered at once.
"""

from dataclasses import replace

import orjson

from firstline.domain.passages import SearchResult
from firstline.domain.question import covers, standalone, stems
from firstline.domain.turn import Lookup
from realtime_bridge.protocol.commands import Command, Count, Forget, RunTool, Search, ToolAnswer
from realtime_bridge.protocol.quoted import LOOKUP, Finding, QuotedPassages
from realtime_bridge.protocol.turns import OpenTurn

SETTLE_MS = 40.0
"""A search begins when no new word came for so long: a transcript's tokens come in bursts, and words in pieces."""
PATIENCE_MS = 200.0
"""It begins at the latest so long after the first word that no search knows."""
LONGEST_QUERY = 1000
"""Characters; the schema of `lookup_article` allows no more."""
HANDOFF = "handoff_to_human"


class Speculation:
    """What is searched for the caller's present words, and what came of it. Does nothing when it is not `enabled`."""

    __slots__ = (
        "_before", "_begins_at", "_begun", "_commands", "_count", "_enabled", "_finding", "_item_id", "_looked_at",
        "_quoted", "_searched", "_speaking", "_under_way", "_unsearched_since", "_waiting", "_words",
    )  # fmt: skip

    def __init__(self, commands: list[Command], enabled: bool) -> None:
        self._commands = commands
        self._enabled = enabled
        self._quoted = QuotedPassages(commands)
        self._item_id = ""
        self._words = ""
        self._looked_at = ""
        """The words of which it is known whether to search for them."""
        self._speaking = False
        self._searched: frozenset[str] = frozenset()
        self._unsearched_since = 0.0
        self._count = 0
        self._begun = 0
        """Searches begun for these words."""
        self._under_way: Search | None = None
        self._begins_at = 0.0
        """When the search under way does, after its delay."""
        self._finding: Finding | None = None
        self._waiting: tuple[RunTool, float] | None = None
        """A look-up of the model that the search under way will answer, and when it was asked for."""
        self._before: str | None = None
        """The last question that passages were used for: a follow-up leans on it."""

    # --- the caller's words -------------------------------------------------------------------------------------------

    def begin(self, item_id: str, turn: OpenTurn | None, now: float) -> None:
        """The caller begins to speak. Words that nobody has answered yet are the beginning of the same question."""
        if turn is not None and turn.first_audio_at is None:
            turn.quoted, turn.settled = None, True
            self._words += " "
            if self._finding is not None and self._quoted.finding is not self._finding:
                self._quoted.put(self._finding)
        else:
            self.settle(turn)
            self.drop(now)
            self._words, self._looked_at, self._searched, self._finding, self._begun = "", "", frozenset(), None, 0
        self._item_id, self._speaking = item_id, True

    def heard(self, item_id: object, delta: str, now: float) -> None:
        """A bit more of what the caller says."""
        if self._enabled and item_id == self._item_id:
            begun = self._words.rfind(" ") + 1
            self._words += delta
            # Most words mean nothing: only what came, with the word that it may continue, is looked at to know that.
            if not stems(self._words[begun:]) <= self._searched:
                self._look(self._words, SETTLE_MS, now)

    def transcribed(self, item_id: object, text: str, now: float) -> None:
        """All of what the caller said: searched for where the partial transcripts missed something of it."""
        if self._enabled and item_id == self._item_id:
            self._look(text, 0.0, now)

    def _look(self, words: str, settle_ms: float, now: float) -> None:
        if words == self._looked_at:
            return
        self._looked_at = words
        query = standalone(words, self._before)[-LONGEST_QUERY:]
        about = stems(query)
        if about <= self._searched:
            return
        if self._under_way is None or now >= self._begins_at:
            self._unsearched_since = now
        delay = max(0.0, min(settle_ms, self._unsearched_since + PATIENCE_MS - now))
        self._over(now)
        self._searched = about
        self._count += 1
        self._under_way, self._begins_at = Search(self._count, query, delay), now + delay
        self._commands.append(self._under_way)

    def nothing_asked(self, now: float) -> None:
        """The caller only made a sound."""
        self._speaking = False
        self.drop(now)

    def drop(self, now: float) -> None:
        """Nobody waits any more for the search under way."""
        if self._under_way is not None and self._waiting is None:
            self._over(now)
            self._commands.append(Forget())

    def _over(self, now: float) -> None:
        if self._under_way is not None and now >= self._begins_at:
            self._begun += 1
        self._under_way = None

    # --- what was found -----------------------------------------------------------------------------------------------

    def found(
        self, search_id: int, result: SearchResult, turn: OpenTurn | None, now: float
    ) -> tuple[str, ToolAnswer] | None:
        """A search came back: call id and answer of the look-up that waits for it, or None when none does."""
        search = self._under_way
        if search is None or search.id != search_id:
            return None
        self._over(max(now, self._begins_at))
        self._finding = Finding(search.query, result, max(0.0, now - self._begins_at))
        if self._waiting is not None:
            (tool, since), self._waiting = self._waiting, None
            saved = max(0.0, since - self._begins_at)
            return tool.call_id, self._serve(self._finding, turn, Lookup.JOINED, saved, waited=now - since)
        if self._speaking:
            self._quoted.put(self._finding)
        return None

    def failed(self, search_id: int, now: float) -> None:
        """A search broke: a look-up that waited for it is run by itself, so that its failure is told to the model."""
        if self._under_way is None or self._under_way.id != search_id:
            return
        self._over(max(now, self._begins_at))
        self._looked_at, self._searched = "", frozenset()
        self._commands.append(Count("search_ahead_failed"))
        if self._waiting is not None:
            (tool, _), self._waiting = self._waiting, None
            self._commands.append(tool)

    # --- the turn -----------------------------------------------------------------------------------------------------

    def stopped(self, turn: OpenTurn) -> None:
        """The caller's turn is over: what is quoted now is what the model sees."""
        self._speaking = False
        turn.quoted = self._quoted.finding

    def asked(self, tool: RunTool, turn: OpenTurn | None, now: float) -> ToolAnswer | None:
        """The model asks for a tool: its answer when that is known already; else it runs, or waits for a search."""
        if tool.name != LOOKUP:
            if tool.name == HANDOFF and turn is not None:
                self._use_quoted(turn)
            self._commands.append(tool)
            return None
        query, finding, under_way = _query(tool.arguments), self._finding, self._under_way
        self._before = query or self._before
        self._quoted.take_back()
        if turn is not None:
            turn.quoted, turn.lookup = None, Lookup.SEARCHED
        if finding is not None and same_question(finding.query, query):
            self.drop(now)
            return self._serve(finding, turn, Lookup.AHEAD, finding.took_ms)
        if under_way is not None and self._waiting is None and same_question(under_way.query, query):
            self._waiting = (tool, now)
            return None
        self.drop(now)
        self._commands.append(tool)
        return None

    def _serve(
        self, finding: Finding, turn: OpenTurn | None, how: Lookup, saved_ms: float, waited: float = 0.0
    ) -> ToolAnswer:
        if turn is not None:
            turn.lookup = how
        stages = {"retrieval": waited, "retrieval_ahead": finding.took_ms, "retrieval_saved": saved_ms}
        return replace(finding.answer, stages=stages)

    def settle(self, turn: OpenTurn | None) -> None:
        """The turn was answered: whether from what was quoted, the answer's own words tell. Harmless when repeated."""
        if turn is None or turn.settled:
            return
        turn.settled = True
        if turn.quoted is not None and turn.quoted.grounds(" ".join(spoken.text for spoken in turn.spoken)):
            turn.judged_by(turn.quoted)
            self._use_quoted(turn)
        self._quoted.take_back()
        turn.searches_ahead, self._begun = self._begun, 0

    def _use_quoted(self, turn: OpenTurn) -> None:
        finding, turn.quoted = turn.quoted, None
        if finding is None or turn.lookup is not Lookup.NONE:
            return
        self._quoted.keep()
        self._before = finding.query
        turn.lookup = Lookup.QUOTED
        turn.found(finding.answer)
        turn.stages |= {"retrieval_ahead": finding.took_ms, "retrieval_saved": finding.took_ms}

    # --- another model session ----------------------------------------------------------------------------------------

    def replaced(self, turn: OpenTurn | None) -> None:
        """A new model session never asked and saw nothing: what an unanswered turn had quoted is quoted again."""
        self._quoted.forget()
        if self._waiting is not None:
            # It is the new session's call now, and runs like any other.
            self._commands.append(self._waiting[0])
        self._waiting, self._speaking = None, False
        if turn is not None and turn.first_audio_at is None and turn.quoted is not None:
            self._quoted.put(turn.quoted)


def same_question(searched: str, asked: str) -> bool:
    """Whether what was found for the one may be given for the other."""
    return covers(searched, asked) and covers(asked, searched)


def _query(arguments: str) -> str:
    """What a look-up asks for; empty when its arguments are not what the schema wants, which the tool then says."""
    try:
        parsed = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        return ""
    query = parsed.get("query") if isinstance(parsed, dict) else None
    return query if isinstance(query, str) else ""
