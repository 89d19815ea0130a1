"""What a person is told about a call before they take it."""

import re

from firstline.domain.gate import Decision, HandoffReason

_REASONS = {
    HandoffReason.LOW_CONFIDENCE: "the help centre had no sure answer",
    HandoffReason.OUT_OF_SCOPE: "the question is outside the help centre",
    HandoffReason.CALLER_REQUEST: "the caller asked for a person",
    HandoffReason.MULTILINGUAL_HANDOFF: "the caller needs another language",
    HandoffReason.DEAD_AIR: "the agent fell silent",
    HandoffReason.MUST_REFUSE_CATEGORY: "the topic always goes to a person",
}
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
SPOKEN_MAX = 240
"""Characters of the summary that are spoken: about 15 seconds."""


def reason_in_words(decision: Decision) -> str:
    """Why the gate opened, for a person: `the topic always goes to a person (billing dispute)`."""
    if decision.reason is None:
        return "no reason was recorded"
    words = _REASONS[decision.reason]
    return f"{words} ({decision.category.value.replace('_', ' ')})" if decision.category else words


def spoken_brief(decision: Decision, summary: str) -> str:
    """Two sentences for the rep's ear: why the call comes, and the first sentence of what it is about."""
    first = _SENTENCE_END.split(" ".join(summary.split()), maxsplit=1)[0]
    if len(first) > SPOKEN_MAX:
        first = first[:SPOKEN_MAX].rsplit(" ", 1)[0] + "."
    opening = f"A support call for you: {reason_in_words(decision)}."
    return f"{opening} {first}".strip()
