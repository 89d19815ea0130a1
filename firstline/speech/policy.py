"""The keyless answerer: an ordered set of rules that calls the session's tools and speaks only what they return.

Nothing is made up: what it says is a sentence of a passage, a tool's own `say`, or one of `phrases.COURTESIES`.
"""

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from typing import Any

from firstline.domain.confidence import GATE
from firstline.domain.gate import HandoffReason
from firstline.domain.handoff import SUMMARY_MAX
from firstline.domain.question import covers, standalone, stems
from firstline.domain.refusal import asks_for_person, refuse_category
from firstline.speech.answer import Call, Request, Say, ToolOutput, Words
from firstline.speech.extract import WORDS_AT_MOST, Embed, extract, following
from firstline.speech.history import History, ToolResult, passages, query_of, sureness
from firstline.speech.intents import Intent, intent, time_words, topic_words, wants_another_time
from firstline.speech.phrases import courtesies

LOOKUP, HANDOFF, CALLBACK = "lookup_article", "handoff_to_human", "schedule_callback"

OFF_TOPIC = 0.3
"""Below this confidence the question is not merely badly answered: the help centre does not cover it."""

QUOTED_AT_MOST = 280
"""Characters of the caller's words in a handoff's summary."""

TOPIC_AT_MOST = 80
"""Characters of a callback's topic."""

_OFFERS_CALLBACK = re.compile(r"\bcall you back\b|\bother time\b|\bllam(?:emos|arle|ar)\b|\botra hora\b", re.IGNORECASE)
_OFFERS_PERSON = re.compile(r"\b(?:with|to) a person\b|\bcon una persona\b", re.IGNORECASE)


class ToolBoundAnswerer:
    """Answers by rules. `embed` refines which sentences of a passage are read; without it, words decide."""

    def __init__(self, embed: Embed | None = None) -> None:
        self._embed = embed

    async def answer(self, request: Request) -> AsyncGenerator[Say | Call]:
        """One part: a tool call or something to say."""
        # Embedding takes a few hundredths of a second, which every other call would hear.
        yield await asyncio.to_thread(self.decide, request)

    def decide(self, request: Request) -> Say | Call:
        """The same, in the thread that calls."""
        history = History(request)
        dictated = history.dictated
        if dictated:
            return Say(dictated, history.language)
        match history.last:
            case ToolOutput() if history.asked_for:
                return self._after_tool(history, request.tools)
            case Words("user"):
                part = _Turn(history, request.tools).decide()
                return self._without_asking(part, history, request.tools) or part
        return Say(courtesies(history.language).prompt, history.language)

    def _without_asking(self, part: Say | Call, history: History, tools: frozenset[str]) -> Say | Call | None:
        """The answer from passages that the client found while the caller spoke; None when they do not serve.

        Passages that do not answer, found by part of the question, say nothing about the whole of it.
        """
        prepared = history.prepared
        if not isinstance(part, Call) or part.name != LOOKUP or prepared is None:
            return None
        question, searched = json.loads(part.arguments)["query"], query_of(prepared)
        sure = sureness(prepared)
        trusted = (sure is not None and sure >= GATE) or stems(searched) == stems(question)
        serves = trusted and covers(searched, question)
        return self._from_passages(prepared, question, history, tools) if serves else None

    def _after_tool(self, history: History, tools: frozenset[str]) -> Say | Call:
        result, polite = history.asked_for[-1], courtesies(history.language)
        output = result.output
        if output is None:
            return Say(" ".join(result.raw.split()[:WORDS_AT_MOST]) or polite.trouble, history.language)
        if isinstance(output.get("say"), str) and output["say"].strip():
            return Say(output["say"].strip(), history.language)
        if "passages" not in output:
            return Say(polite.trouble, history.language)
        return self._from_passages(result, query_of(result), history, tools)

    def _from_passages(self, result: ToolResult, question: str, history: History, tools: frozenset[str]) -> Say | Call:
        sure, polite = sureness(result), courtesies(history.language)
        found = None
        if sure is None or sure >= GATE:
            found = extract(question, passages(result), self._embed, polite.then)
        if found:
            return Say(f"{found.text} {polite.go_on}" if found.more else found.text, history.language)
        if HANDOFF not in tools:
            return Say(polite.no_answer, history.language)
        known = bool(passages(result)) and (sure or 0.0) >= OFF_TOPIC
        return handoff(history, HandoffReason.LOW_CONFIDENCE if known else HandoffReason.OUT_OF_SCOPE)


class _Turn:
    """What the caller said just now, and the rules in the order in which they are tried."""

    def __init__(self, history: History, tools: frozenset[str]) -> None:
        self._text = history.turn
        self._history = history
        self._tools = tools
        self._language = history.language
        self._polite = courtesies(history.language)
        self._agent = history.agent[-1] if history.agent else ""

    def decide(self) -> Say | Call:
        """The first rule that fits."""
        wants = intent(self._text)
        person = self._person(wants)
        if person:
            return person
        if CALLBACK in self._tools and wants is Intent.NO_CALLBACK:
            return self._no_callback()
        if CALLBACK in self._tools and (wants is Intent.CALLBACK or self._names_awaited_time()):
            return self._callback()
        match wants:
            case Intent.NOTHING:
                return self._say(self._polite.prompt if self._text else self._polite.not_heard)
            case Intent.GOODBYE:
                return self._say(self._polite.goodbye)
            case Intent.THANKS:
                return self._say(self._polite.welcome)
            case Intent.REPEAT if self._agent:
                return self._say(self._agent)
            case Intent.GO_ON if self._agent:
                return self._go_on()
        return self._look_up()

    def _person(self, wants: Intent) -> Call | None:
        if HANDOFF not in self._tools:
            return None
        if refuse_category(self._text):
            return handoff(self._history, HandoffReason.MUST_REFUSE_CATEGORY)
        # "Can somebody call me back?" names a person and wants a callback.
        if wants not in (Intent.CALLBACK, Intent.NO_CALLBACK) and asks_for_person(self._text):
            return handoff(self._history, HandoffReason.CALLER_REQUEST)
        if wants is Intent.GO_ON and _OFFERS_PERSON.search(self._agent):
            return handoff(self._history, HandoffReason.CALLER_REQUEST)
        return None

    def _names_awaited_time(self) -> bool:
        """The agent last asked for a time, and here one is."""
        before = [result for result in self._history.results if result != self._history.prepared]
        settled = any((each.output or {}).get(key) for each in before[-1:] for key in ("booked", "cancelled"))
        return not settled and bool(_OFFERS_CALLBACK.search(self._agent)) and time_words(self._text) is not None

    def _callback(self) -> Say | Call:
        when = time_words(self._text)
        if when is None:
            return self._say(self._polite.ask_time)
        return Call(CALLBACK, _json({"when": when[:100], "topic": self._topic()}))

    def _no_callback(self) -> Say | Call:
        if wants_another_time(self._text):
            return self._say(self._polite.ask_time)
        return Call(CALLBACK, _json({"action": "cancel"}))

    def _topic(self) -> str:
        """What they said it is about, else the last question. No digits, no addresses: nothing personal."""
        said = [self._text, *reversed(self._history.caller[:-1])]
        questions = (text for text in said[1:] if intent(text) is Intent.QUESTION and not time_words(text))
        topic = next(filter(None, (topic_words(text) for text in said[:2])), None) or next(questions, None)
        plain = " ".join(re.sub(r"\S*[\d@]\S*", "", topic or "").split())
        return plain[:TOPIC_AT_MOST] or self._polite.topic

    def _go_on(self) -> Say | Call:
        lookup = self._history.earlier_lookup
        if lookup is None:
            return self._say(self._polite.prompt)
        found = following(" ".join(self._history.agent), passages(lookup), self._polite.then)
        if found is None:
            return self._say(self._polite.nothing_more)
        return self._say(f"{found.text} {self._polite.go_on}" if found.more else found.text)

    def _look_up(self) -> Say | Call:
        if LOOKUP not in self._tools:
            return self._say(self._polite.unable)
        lookup = self._history.earlier_lookup
        before = query_of(lookup) if lookup else None
        return Call(LOOKUP, _json({"query": standalone(self._text, before or None)[:1000]}))

    def _say(self, text: str) -> Say:
        return Say(text, self._language)


def handoff(history: History, reason: HandoffReason) -> Call:
    """Ask for a person. The confidence is the runtime's of the last look-up, 0 when nothing was looked up."""
    state = {
        "call_sid": history.call_sid,
        "language": history.language,
        "transcript_summary": summary(history),
        "retrieved_chunk_ids": history.chunk_ids,
    }
    arguments = {"reason": reason.value, "confidence": sureness(history.lookup) or 0.0, "call_state": state}
    return Call(HANDOFF, _json(arguments))


def summary(history: History) -> str:
    """Two sentences for the person who takes over: what the caller said, and what was found."""
    said = [text.strip() for text in history.caller]
    questions = [text for text in said[:-1] if intent(text) is Intent.QUESTION]
    first = f"The caller said: {_quoted(said[-1])}." if said else "The caller has said nothing yet."
    if questions:
        first = f"The caller asked {_quoted(questions[-1])} and then said {_quoted(said[-1])}."
    lookup = history.lookup
    if lookup is None:
        second = "Nothing was looked up."
    elif not passages(lookup):
        second = "The help centre had nothing on it."
    else:
        title = passages(lookup)[0].get("title") or "an article without a title"
        second = f"The nearest article was {_quoted(str(title))}, with confidence {sureness(lookup) or 0.0:.2f}."
    return f"{first} {second}"[:SUMMARY_MAX]


def _quoted(text: str) -> str:
    short = text if len(text) <= QUOTED_AT_MOST else f"{text[:QUOTED_AT_MOST].rsplit(' ', 1)[0]}…"
    return f"“{short.rstrip('.')}”"


def _json(arguments: dict[str, Any]) -> str:
    return json.dumps(arguments, ensure_ascii=False)
