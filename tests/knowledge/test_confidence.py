"""Spoken questions about the sample help centre: is the answer found, and is its absence known?"""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from firstline.domain.confidence import GATE, WEIGHTS, RetrievalEvidence, Weights, confidence
from firstline.knowledge.calibrate import Asked, ask, calibration_error, fit, read_questions
from firstline.knowledge.search import PostgresKnowledge

FOLDS = 5
QUESTIONS = Path(__file__).resolve().parents[2] / "examples" / "questions" / "queries.jsonl"


@pytest.fixture(scope="module")
async def asked(help_centre: PostgresKnowledge) -> list[Asked]:
    return await ask(help_centre, read_questions(QUESTIONS))


def share(asked: list[Asked], holds: Callable[[Asked], bool]) -> float:
    return sum(map(holds, asked)) / len(asked)


def answerable(asked: list[Asked]) -> list[Asked]:
    return [one for one in asked if one.question.article_ids]


def off_topic(asked: list[Asked]) -> list[Asked]:
    return [one for one in asked if not one.question.article_ids]


def found(one: Asked) -> bool:
    return any(passage.article_id in one.question.article_ids for passage in one.result.passages)


def held_out(asked: list[Asked]) -> list[tuple[Asked, Weights]]:
    """Every question with weights that were fitted without it."""
    shuffled = random.Random(1).sample(asked, len(asked))
    folds = [shuffled[n::FOLDS] for n in range(FOLDS)]
    pairs = []
    for n, fold in enumerate(folds):
        weights = fit([one for m, other in enumerate(folds) if m != n for one in other])
        pairs += [(one, weights) for one in fold]
    return pairs


@pytest.mark.integration
class TestSpokenQuestions:
    def test_are_enough_to_say_anything(self, asked: list[Asked]) -> None:
        assert len(answerable(asked)) >= 150
        assert len(off_topic(asked)) >= 40

    def test_find_their_article_among_the_first_five(self, asked: list[Asked]) -> None:
        assert share(answerable(asked), found) >= 0.9

    def test_find_it_first_more_often_than_not(self, asked: list[Asked]) -> None:
        first = share(answerable(asked), lambda one: one.result.passages[0].article_id in one.question.article_ids)

        assert first >= 0.7

    def test_are_answered_with_confidence_when_the_weights_never_saw_them(self, asked: list[Asked]) -> None:
        """The off-topic half holds traps (the overtime rule in football), the other slips and mishearings."""
        scores = [(one, confidence(one.result.evidence, weights)) for one, weights in held_out(asked)]
        known = [score for one, score in scores if one.question.article_ids]
        unknown = [score for one, score in scores if not one.question.article_ids]

        assert sum(score >= GATE for score in known) / len(known) >= 0.8
        assert sum(score < GATE for score in unknown) / len(unknown) >= 0.94

    def test_are_answered_as_often_as_the_confidence_says(self, asked: list[Asked]) -> None:
        told = [
            (confidence(one.result.evidence, weights), bool(one.question.article_ids))
            for one, weights in held_out(asked)
        ]

        assert calibration_error(told) <= 0.06

    def test_are_told_apart_by_the_weights_in_use(self, asked: list[Asked]) -> None:
        assert share(answerable(asked), lambda one: one.result.confidence >= GATE) >= 0.8
        assert share(off_topic(asked), lambda one: one.result.confidence < GATE) >= 0.95

    def test_give_the_weights_in_use_when_fitted_again(self, asked: list[Asked]) -> None:
        """The articles may be edited, so the fit may drift; far from the constants it is another model."""
        fitted = fit(asked)

        differences = [
            abs(confidence(one.result.evidence, fitted) - confidence(one.result.evidence, WEIGHTS)) for one in asked
        ]
        assert sum(differences) / len(differences) < 0.05


class TestConfidence:
    def test_is_zero_for_a_search_that_found_nothing(self) -> None:
        assert confidence(None) == 0.0

    def test_grows_with_similarity_and_with_words(self) -> None:
        poor, near = RetrievalEvidence(0.3, 0.0, False), RetrievalEvidence(0.6, 0.0, False)
        said = RetrievalEvidence(0.3, 0.0, False, words=0.5)

        assert confidence(poor) < confidence(near)
        assert confidence(poor) < confidence(said)

    def test_believes_similarity_less_in_a_language_the_model_does_not_know(self) -> None:
        def gain(known: bool) -> float:
            low = confidence(RetrievalEvidence(0.5, 0.0, False, words=0.2, language_known=known))
            return confidence(RetrievalEvidence(0.6, 0.0, False, words=0.2, language_known=known)) - low

        assert gain(known=False) < gain(known=True)


class TestCalibrationError:
    def test_is_nothing_when_every_confidence_is_kept(self) -> None:
        assert calibration_error([(0.25, True)] + [(0.25, False)] * 3 + [(1.0, True)]) == 0.0

    def test_is_how_far_the_promise_stands_from_the_share(self) -> None:
        assert calibration_error([(0.9, False), (0.9, True)]) == pytest.approx(0.4)
