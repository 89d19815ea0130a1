"""Fits the weights of `domain.confidence` to questions whose answers are known.

To be run again when the embedding model changes: similarities of two models are not on one scale.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sklearn.linear_model import LogisticRegression

from firstline.domain.confidence import RetrievalEvidence, Weights, features
from firstline.domain.passages import SearchResult
from firstline.knowledge.articles import detect_language
from firstline.ports import Knowledge

_INVERSE_REGULARISATION = 30.0
"""Weak: six weights and a bias do not overfit three hundred questions by much."""


@dataclass(frozen=True)
class Question:
    """What a caller may ask."""

    words: str
    article_ids: tuple[str, ...]
    """The articles that answer it; empty when none does."""
    language: str
    """In which it is asked."""


@dataclass(frozen=True)
class Asked:
    """A question and what a search made of it."""

    question: Question
    result: SearchResult


def read_questions(path: Path) -> list[Question]:
    """From JSON lines `{"question": …, "gold_ids": […], "lang": …}`; without `lang`, the language is detected."""
    records = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    return [
        Question(words := record["question"], tuple(record["gold_ids"]), record.get("lang") or detect_language(words))
        for record in records
    ]


async def ask(knowledge: Knowledge, questions: Iterable[Question]) -> list[Asked]:
    """Search for every question, in its own language, as a call would."""
    return [
        Asked(question, await knowledge.search(question.words, language=question.language)) for question in questions
    ]


def fit(asked: Sequence[Asked]) -> Weights:
    """Maximum-likelihood weights, lightly regularised; a search that found nothing has no say in them.

    Both kinds of question weigh the same, however many of each there are: what callers ask is not what sets hold.
    """
    told: list[tuple[RetrievalEvidence, bool]] = [
        (one.result.evidence, bool(one.question.article_ids)) for one in asked if one.result.evidence is not None
    ]
    model = LogisticRegression(C=_INVERSE_REGULARISATION, max_iter=10_000, class_weight="balanced")
    model.fit([features(evidence) for evidence, _ in told], [answerable for _, answerable in told])
    return Weights(float(model.intercept_[0]), tuple(float(weight) for weight in model.coef_[0]))


def calibration_error(told: Sequence[tuple[float, bool]], bins: int = 10) -> float:
    """Expected calibration error, 0..1: how far, on average, the confidence stands from the share that was answerable.

    `told`: confidence, and whether the question was answerable. Bins of equal width (Naeini et al., AAAI 2015).
    """
    error = 0.0
    for number in range(bins):
        inside = [pair for pair in told if min(int(pair[0] * bins), bins - 1) == number]
        if inside:
            sure = sum(confidence for confidence, _ in inside)
            right = sum(answerable for _, answerable in inside)
            error += abs(sure - right) / len(told)
    return error
