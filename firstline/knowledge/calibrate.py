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
"""Weak: three weights and a bias do not overfit a hundred questions by much."""


@dataclass(frozen=True)
class Question:
    """What a caller may ask."""

    words: str
    article_id: str | None
    """The article that answers it; None when none does."""


@dataclass(frozen=True)
class Asked:
    """A question and what a search made of it."""

    question: Question
    result: SearchResult


def read_questions(path: Path) -> list[Question]:
    """From JSON lines `{"question": …, "article_id": … | null}`."""
    records = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    return [Question(record["question"], record["article_id"]) for record in records]


async def ask(knowledge: Knowledge, questions: Iterable[Question]) -> list[Asked]:
    """Search for every question, in its own language, as a call would."""
    return [
        Asked(question, await knowledge.search(question.words, language=detect_language(question.words)))
        for question in questions
    ]


def fit(asked: Sequence[Asked]) -> Weights:
    """Maximum-likelihood weights, lightly regularised; a search that found nothing has no say in them."""
    told: list[tuple[RetrievalEvidence, bool]] = [
        (one.result.evidence, one.question.article_id is not None) for one in asked if one.result.evidence is not None
    ]
    model = LogisticRegression(C=_INVERSE_REGULARISATION, max_iter=10_000)
    model.fit([features(evidence) for evidence, _ in told], [answerable for _, answerable in told])
    return Weights(float(model.intercept_[0]), tuple(float(weight) for weight in model.coef_[0]))
