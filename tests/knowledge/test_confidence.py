"""Spoken questions about the sample help centre: is the answer found, and is its absence known?"""

from pathlib import Path

import pytest

from firstline.domain.confidence import WEIGHTS, RetrievalEvidence, confidence
from firstline.knowledge.calibrate import Asked, ask, calibration_error, fit, held_out, read_questions, sureness
from firstline.knowledge.search import PostgresKnowledge

QUESTIONS = Path(__file__).resolve().parents[2] / "examples" / "questions" / "queries.jsonl"


@pytest.fixture(scope="module")
async def asked(help_centre: PostgresKnowledge) -> list[Asked]:
    return await ask(help_centre, read_questions(QUESTIONS))


def answerable(asked: list[Asked]) -> list[Asked]:
    return [one for one in asked if one.answerable]


@pytest.mark.integration
class TestSpokenQuestions:
    def test_are_enough_to_say_anything(self, asked: list[Asked]) -> None:
        assert len(answerable(asked)) >= 150
        assert len(asked) - len(answerable(asked)) >= 150

    def test_find_their_article_among_the_first_five(self, asked: list[Asked]) -> None:
        found = [
            any(passage.article_id in one.question.article_ids for passage in one.result.passages)
            for one in answerable(asked)
        ]

        assert sum(found) / len(found) >= 0.93

    def test_find_it_first_more_often_than_not(self, asked: list[Asked]) -> None:
        first = [one.result.passages[0].article_id in one.question.article_ids for one in answerable(asked)]

        assert sum(first) / len(first) >= 0.75

    def test_are_answered_with_confidence_when_the_weights_never_saw_them(self, asked: list[Asked]) -> None:
        """The answerable half holds slips and mishearings; of the others, a third are about the product's own field."""
        unseen = sureness([(one.question, sure) for one, sure in held_out(asked)])

        assert unseen.answerable_above_gate >= 0.84
        assert unseen.off_topic_below_gate is not None
        assert unseen.off_topic_below_gate >= 0.95
        assert unseen.near_below_gate is not None
        assert unseen.near_below_gate >= 0.7
        assert unseen.calibration_error is not None
        assert unseen.calibration_error <= 0.06

    def test_are_told_apart_by_the_weights_in_use(self, asked: list[Asked]) -> None:
        in_use = sureness([(one.question, one.result.confidence) for one in asked])

        assert in_use.answerable_above_gate >= 0.85
        assert in_use.off_topic_below_gate is not None
        assert in_use.off_topic_below_gate >= 0.95

    def test_give_the_weights_in_use_when_fitted_again(self, asked: list[Asked]) -> None:
        """The articles may be edited, so the fit may drift; far from the constants it is another model."""
        fitted = fit(asked)

        differences = [
            abs(confidence(one.result.evidence, fitted) - confidence(one.result.evidence, WEIGHTS)) for one in asked
        ]
        assert sum(differences) / len(differences) < 0.02


class TestConfidence:
    def test_is_zero_for_a_search_that_found_nothing(self) -> None:
        assert confidence(None) == 0.0

    def test_grows_with_similarity_and_with_words(self) -> None:
        poor, near = RetrievalEvidence(0.3, 0.0, False), RetrievalEvidence(0.6, 0.0, False)
        said = RetrievalEvidence(0.3, 0.0, False, words=0.5)

        assert confidence(poor) < confidence(near)
        assert confidence(poor) < confidence(said)

    def test_counts_a_title_only_in_a_language_the_model_knows(self) -> None:
        def sure(title: float, known: bool) -> float:
            return confidence(RetrievalEvidence(0.5, 0.0, False, words=0.2, language_known=known, title=title))

        assert sure(0.9, known=True) > sure(0.3, known=True)
        assert sure(0.9, known=False) == sure(0.3, known=False)


class TestCalibrationError:
    def test_is_nothing_when_every_confidence_is_kept(self) -> None:
        assert calibration_error([(0.25, True)] + [(0.25, False)] * 3 + [(1.0, True)]) == 0.0

    def test_is_how_far_the_promise_stands_from_the_share(self) -> None:
        assert calibration_error([(0.9, False), (0.9, True)]) == pytest.approx(0.4)
