"""A sample that anybody can draw again."""

from collections import Counter
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from firstline.domain.csat import CsatResult, CsatScore, draw, last_month, month_bounds, result, score_problem

CALLS = [f"CA{number:04d}" for number in range(200)]


class TestADraw:
    def test_is_the_same_for_the_same_month_in_whatever_order_the_calls_come(self) -> None:
        assert draw("2026-10", CALLS) == draw("2026-10", reversed(CALLS))
        assert draw("2026-10", CALLS) != draw("2026-11", CALLS)

    def test_takes_forty_different_calls_or_all_there_are(self) -> None:
        assert len(set(draw("2026-10", CALLS))) == 40
        assert sorted(draw("2026-10", CALLS[:7])) == CALLS[:7]
        assert draw("2026-10", []) == []

    def test_gives_every_call_the_same_chance(self) -> None:
        """2,000 months: each of 200 calls is expected 400 times, with a standard deviation of 18."""
        times = Counter(sid for month in range(2000) for sid in draw(str(month), CALLS))

        assert min(times[sid] for sid in CALLS) > 400 - 5 * 18
        assert max(times[sid] for sid in CALLS) < 400 + 5 * 18


class TestAMonth:
    def test_is_the_last_whole_one_where_the_line_is(self) -> None:
        at = datetime(2026, 11, 1, 3, 0, tzinfo=UTC)

        assert (last_month(at, UTC), last_month(at, ZoneInfo("America/New_York"))) == ("2026-10", "2026-09")

    def test_ends_where_the_next_begins(self) -> None:
        assert month_bounds("2026-12", UTC) == (datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))

    def test_that_is_none_is_refused(self) -> None:
        with pytest.raises(ValueError):
            month_bounds("October", UTC)


class TestAScore:
    @pytest.mark.parametrize(("score", "problem"), [(0, "from 1 to 5"), (6, "from 1 to 5"), (1, None), (5, None)])
    def test_is_from_one_to_five(self, score: int, problem: str | None) -> None:
        told = score_problem(CsatScore("CA1", score), ["CA1"])

        assert told is None if problem is None else problem in (told or "")

    def test_is_taken_for_the_calls_of_the_sample_only(self) -> None:
        assert "not in this month's sample" in (score_problem(CsatScore("CA2", 5), ["CA1"]) or "")

    def test_counts_in_the_mean(self) -> None:
        assert result("2026-10", ["CA1", "CA2", "CA3"], {"CA1": 5, "CA2": 2}) == CsatResult("2026-10", 3, 2, 3.5)
        assert result("2026-10", ["CA1"], {}).mean is None
