"""Fits the weights of `domain.confidence` to questions whose answers are known; measures them on questions held out.

`firstline calibrate` runs it; to be done again when the embedding model, the order of passages or the articles change.
"""

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from firstline.domain.confidence import GATE, Weights, confidence, features
from firstline.domain.passages import SearchResult
from firstline.knowledge.language import detect_language
from firstline.ports import Knowledge

FOLDS = 5
_INVERSE_REGULARISATION = 3.0
_NEAR = 0.125
"""What a question of the field that no article answers weighs beside one from elsewhere: they are a third of the
shipped set, to be measured by, and rare among callers who ask what the help centre does not know."""


@dataclass(frozen=True)
class Question:
    """What a caller may ask."""

    words: str
    article_ids: tuple[str, ...]
    """The articles that answer it; empty when none does."""
    language: str
    """In which it is asked."""
    near: bool = False
    """No article answers it, yet it is about the articles' field, or in their words."""


@dataclass(frozen=True)
class Asked:
    """A question and what a search made of it."""

    question: Question
    result: SearchResult

    @property
    def answerable(self) -> bool:
        """Some article answers it."""
        return bool(self.question.article_ids)


@dataclass(frozen=True)
class Sureness:
    """How well the confidence tells answerable questions from others; None where a set has no such questions."""

    answerable_above_gate: float
    off_topic_below_gate: float | None
    near_below_gate: float | None
    """Of the questions about the articles' field that no article answers."""
    calibration_error: float | None
    """Expected, in ten bins, over all questions."""


def read_questions(path: Path) -> list[Question]:
    """From JSON lines `{"question": …, "gold_ids": […], "lang": …, "near": …}`; without `lang` it is detected."""
    records = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    return [
        Question(
            record["question"],
            tuple(record["gold_ids"]),
            record.get("lang") or detect_language(record["question"]),
            bool(record.get("near")),
        )
        for record in records
    ]


async def ask(knowledge: Knowledge, questions: Iterable[Question]) -> list[Asked]:
    """Search for every question, in its own language, as a call would."""
    return [
        Asked(question, await knowledge.search(question.words, language=question.language)) for question in questions
    ]


def fit(asked: Sequence[Asked], care: float = 1.0) -> Weights:
    """Maximum-likelihood weights, regularised; a search that found nothing has no say in them.

    Both kinds of question weigh the same, however many of each there are: what callers ask is not what sets hold.
    `care`: how much more a question without an answer weighs, for a model that tells the two apart less well.
    """
    told = [one for one in asked if one.result.evidence is not None]
    answerable = np.array([one.answerable for one in told])
    weights = np.array([_NEAR if one.question.near else 1.0 for one in told])
    weights[~answerable] *= care * weights[answerable].sum() / weights[~answerable].sum()
    scaler = StandardScaler()
    rows = scaler.fit_transform([features(one.result.evidence) for one in told if one.result.evidence is not None])
    model = LogisticRegression(C=_INVERSE_REGULARISATION, max_iter=10_000).fit(rows, answerable, weights)
    slopes = model.coef_[0] / scaler.scale_
    bias = model.intercept_[0] - float(slopes @ scaler.mean_)
    return Weights(round(float(bias), 3), tuple(round(float(slope), 3) for slope in slopes))


def held_out(asked: Sequence[Asked], seed: int = 1, care: float = 1.0) -> list[tuple[Asked, float]]:
    """Every question with the confidence of weights that saw neither it nor another question with its answer."""
    groups = sorted({_group(one) for one in asked})
    random.Random(seed).shuffle(groups)
    fold = {group: number % FOLDS for number, group in enumerate(groups)}
    pairs: list[tuple[Asked, float]] = []
    for number in range(FOLDS):
        weights = fit([one for one in asked if fold[_group(one)] != number], care)
        pairs += [(one, confidence(one.result.evidence, weights)) for one in asked if fold[_group(one)] == number]
    return pairs


def sureness(told: Sequence[tuple[Question, float]]) -> Sureness:
    """Of questions and the confidence in what was found for each; at least one must be answerable."""
    known = [sure for question, sure in told if question.article_ids]
    unknown = [sure for question, sure in told if not question.article_ids and not question.near]
    near = [sure for question, sure in told if not question.article_ids and question.near]
    pairs = [(sure, bool(question.article_ids)) for question, sure in told]
    return Sureness(
        1 - _below(known),
        _below(unknown) if unknown else None,
        _below(near) if near else None,
        calibration_error(pairs) if unknown or near else None,
    )


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


def _below(sures: Sequence[float]) -> float:
    return sum(sure < GATE for sure in sures) / len(sures)


def _group(one: Asked) -> str:
    """Questions with one answer stay together: their words are alike. Those without are each their own."""
    return one.question.article_ids[0] if one.answerable else f"? {one.question.words}"
