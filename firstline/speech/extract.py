"""Which sentences of the passages answer a question: chosen, never reworded."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstline.domain.question import content_words, stem
from firstline.speech.markdown import Kind, Unit, units

Embed = Callable[[list[str]], NDArray[np.float32]]
"""Texts -> one unit vector each (rows)."""

WORDS_AT_MOST = 60
SENTENCES_AT_MOST = 3

_LEAD = 0.15
"""Help articles answer in their first sentence; it wins where words alone do not decide."""

_QUANTITY = 0.25
"""Added to a unit with a number in it when the question asks how long, how many, how much or when."""

_HEADING_SHARE = 0.5
"""A word found only in the heading above counts half."""

_EMBEDDED_AT_MOST = 8
"""Units that are compared by meaning, the best by words: embedding all of a passage would be heard as a pause."""

_QUANTITY_ASKED = ("how long", "how many", "how much", "when ", "how often", "cuant", "cuando")


@dataclass(frozen=True)
class Extract:
    """What is to be said."""

    text: str
    more: bool
    """There are further steps."""


def extract(
    question: str, passages: list[dict[str, Any]], embed: Embed | None = None, then: str = "then"
) -> Extract | None:
    """The part of the best passage's article that answers; None when there is nothing to say.

    `passages` are a tool's, best first, each with `text` and perhaps `article_id`. `embed` refines the choice;
    `then` is said for `>`.
    """
    candidates = _candidates(passages, then)
    if not candidates:
        return None
    best = _best(question, candidates, embed)
    return _from(candidates, _beginning(question, candidates, best))


def following(said: str, passages: list[dict[str, Any]], then: str = "then") -> Extract | None:
    """What comes after that which was said already, within the same list or paragraph; None when nothing does."""
    candidates = _candidates(passages, then)
    heard = [index for index, unit in enumerate(candidates) if unit.text in said]
    if not heard:
        return None
    last = heard[-1]
    rest = [unit for unit in candidates[last + 1 :] if unit.block == candidates[last].block]
    return _from(rest, 0) if rest else None


def _candidates(passages: list[dict[str, Any]], then: str) -> list[Unit]:
    """The units of the best passage and of the others from the same article, blocks kept apart."""
    if not passages:
        return []
    article = passages[0].get("article_id")
    same = [p for p in passages if p is passages[0] or (article and p.get("article_id") == article)]
    found: list[Unit] = []
    for number, passage in enumerate(same):
        for unit in units(str(passage.get("text", "")), then):
            heading = f"{passage.get('heading') or ''} {unit.heading}".strip()
            numbered = Unit(unit.text, unit.kind, number * 1000 + unit.block, heading)
            if all(numbered.text != known.text for known in found):
                found.append(numbered)
    return found


def _best(question: str, candidates: list[Unit], embed: Embed | None) -> int:
    scores = _word_scores(question, candidates)
    if embed is not None:
        order = sorted(range(len(candidates)), key=lambda index: -scores[index])[:_EMBEDDED_AT_MOST]
        vectors = embed([question, *(candidates[index].text for index in order)])
        nearness = vectors[1:] @ vectors[0]
        scores = {index: scores[index] / 2 + float(near) for index, near in zip(order, nearness, strict=True)}
    return max(scores, key=lambda index: scores[index])


def _word_scores(question: str, candidates: list[Unit]) -> dict[int, float]:
    """Share of the question's words found in each unit, rare words counting more."""
    asked = {stem(word) for word in content_words(question)}
    held = [{stem(word) for word in content_words(unit.text)} for unit in candidates]
    above = [{stem(word) for word in content_words(unit.heading)} for unit in candidates]
    weight = {word: math.log(1 + len(held) / (1 + sum(word in words for words in held))) for word in asked}
    total = sum(weight.values()) or 1.0
    lowered = question.lower()
    quantity = any(words in lowered for words in _QUANTITY_ASKED)
    scores = {}
    for index, unit in enumerate(candidates):
        found = sum(weight[word] for word in asked & held[index])
        found += _HEADING_SHARE * sum(weight[word] for word in asked & (above[index] - held[index]))
        number = quantity and any(letter.isdigit() for letter in unit.text)
        scores[index] = found / total + (_LEAD if index == 0 else 0.0) + (_QUANTITY if number else 0.0)
    return scores


def _beginning(question: str, candidates: list[Unit], best: int) -> int:
    """Where to begin: at the first of some steps, at the first of what stands under the heading that asks the question
    itself, and anything else where it is."""
    unit = candidates[best]
    asked = {stem(word) for word in content_words(question)}
    above = asked & {stem(word) for word in content_words(unit.heading)}
    by_heading = len(above) > len(asked & {stem(word) for word in content_words(unit.text)})
    if unit.kind is not Kind.STEP and not by_heading:
        return best
    return next(index for index, each in enumerate(candidates) if each.block == unit.block)


def _from(candidates: list[Unit], start: int) -> Extract:
    """The unit and what follows it in its block, as much as a listener can take; a point stands alone."""
    chosen, words = [candidates[start].text], len(candidates[start].text.split())
    block = [unit for unit in candidates[start + 1 :] if unit.block == candidates[start].block]
    block = [] if candidates[start].kind is Kind.POINT else block
    for unit in block:
        words += len(unit.text.split())
        if words > WORDS_AT_MOST or len(chosen) == SENTENCES_AT_MOST:
            break
        chosen.append(unit.text)
    more = candidates[start].kind is Kind.STEP and len(chosen) <= len(block)
    return Extract(" ".join(chosen), more)
