"""The measures, against numbers worked out by hand."""

import math

import pytest

from workers.bench.quality import estimate, ndcg, quality, recall, reciprocal_rank


class TestMeasures:
    def test_recall_is_the_share_of_the_right_articles(self) -> None:
        assert recall(["x", "a", "b"], {"a", "b"}, 2) == 0.5
        assert recall(["x", "a", "b"], {"a", "b"}, 5) == 1.0

    def test_gain_falls_with_the_logarithm_of_the_place(self) -> None:
        assert ndcg(["a", "x", "b"], {"a", "b"}, 10) == pytest.approx((1 + 1 / 2) / (1 + 1 / math.log2(3)))
        assert ndcg(["a", "b"], {"a", "b"}, 10) == pytest.approx(1.0)

    def test_reciprocal_rank_is_that_of_the_first_right_article(self) -> None:
        assert reciprocal_rank(["x", "y", "a"], {"a"}) == pytest.approx(1 / 3)
        assert reciprocal_rank(["x"], {"a"}) == 0.0

    def test_are_averaged_over_the_questions(self) -> None:
        measured = quality([["a"], ["x"]], [{"a"}, {"b"}])

        assert set(measured) == {"recall@1", "recall@5", "recall@10", "ndcg@10", "mrr"}
        assert measured["recall@1"].mean == 0.5


class TestIntervals:
    def test_hold_the_mean_and_narrow_with_more_questions(self) -> None:
        few, many = estimate([0.0, 1.0] * 10), estimate([0.0, 1.0] * 1_000)

        assert few.low < few.mean == 0.5 < few.high
        assert many.high - many.low < few.high - few.low

    def test_are_the_same_every_time(self) -> None:
        assert estimate([0.0, 1.0, 1.0]) == estimate([0.0, 1.0, 1.0])

    def test_of_equal_numbers_are_a_point(self) -> None:
        assert (estimate([1.0, 1.0]).low, estimate([1.0, 1.0]).high) == (1.0, 1.0)
