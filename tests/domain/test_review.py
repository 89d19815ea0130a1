"""The weekly review's rules and its report; ISO weeks and burn rates."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from firstline.domain.iso_week import before, bounds, week_of
from firstline.domain.review import FlaggedTurn, FlagTally, compare, report, verdict_label
from firstline.domain.slo import RULES, BurnRule, TurnCount, burning, windows

NEW_YORK = ZoneInfo("America/New_York")


class TestAWeek:
    def test_begins_on_monday_in_the_line_s_time_zone(self) -> None:
        sunday_evening = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)

        assert (week_of(sunday_evening, NEW_YORK), week_of(sunday_evening, UTC)) == ("2026-W47", "2026-W48")

    def test_is_an_hour_longer_when_the_clock_goes_back(self) -> None:
        begin, end = bounds("2026-W44", NEW_YORK)

        assert end.astimezone(UTC) - begin.astimezone(UTC) == timedelta(days=7, hours=1)

    def test_before_the_first_is_the_last_of_the_year_before(self) -> None:
        assert before("2027-W01") == "2026-W53"

    @pytest.mark.parametrize("week", ["2026-47", "2026-W54", "last"])
    def test_that_does_not_exist_is_refused(self, week: str) -> None:
        with pytest.raises(ValueError):
            bounds(week, UTC)


class TestTheReview:
    def test_finds_what_repeats_and_what_fell(self) -> None:
        review = compare(
            "2026-W47",
            [FlagTally("handoff", 4), FlagTally("low_confidence", 3)],
            [FlagTally("low_confidence", 3), FlagTally("barge_in_storm", 9)],
        )

        assert [(f.tally.kind, f.repeated, f.ticketed_before, f.fell) for f in review.flags] == [
            ("handoff", True, False, False),
            ("low_confidence", False, False, False),
            ("barge_in_storm", False, True, True),
        ]
        assert verdict_label(review.flags[2], review.week) == "fell-2026-W47"

    def test_is_a_page_that_people_can_read(self) -> None:
        place = FlaggedTurn("CA1", 3, "confidence 0.41", "2026-11-17T14:03:22+00:00")
        review = compare("2026-W47", [FlagTally("low_confidence", 5, [place])], [FlagTally("low_confidence", 9)])

        text = report(review, {"low_confidence": "[SUP-2](u)"}, {"low_confidence": "[SUP-1](u) fell"}, "http://ui")

        assert text.splitlines()[0] == "# Flagged turns, 2026-W47"
        assert "Monday 16 November to Sunday 22 November 2026" in text
        assert "| low confidence | 5 | 9 | [SUP-2](u) |" in text
        assert "- low confidence: [SUP-1](u) fell" in text
        assert "- 2026-11-17 14:03 [CA1](http://ui/call-CA1), turn 3: confidence 0.41" in text

    def test_of_a_quiet_week_says_so(self) -> None:
        assert "Nothing was flagged." in report(compare("2026-W47", [], []), {}, {}, "")


class TestABurn:
    QUIET = dict.fromkeys(windows(), TurnCount(100, 5))

    def test_of_one_is_the_promise_exactly_used_up(self) -> None:
        assert TurnCount(100, 5).burn == pytest.approx(1.0)
        assert TurnCount(0, 0).burn == 0.0

    def test_is_no_page_while_the_promise_is_kept(self) -> None:
        assert burning(self.QUIET) is None

    @pytest.mark.parametrize("rule", RULES)
    def test_is_a_page_when_both_windows_hold(self, rule: BurnRule) -> None:
        both = self.QUIET | {rule.long: TurnCount(100, 45), rule.short: TurnCount(10, 5)}

        assert burning(both) is rule

    @pytest.mark.parametrize("rule", RULES)
    def test_is_none_when_it_is_over_already_or_has_only_begun(self, rule: BurnRule) -> None:
        assert burning(self.QUIET | {rule.long: TurnCount(100, 45)}) is None
        assert burning(self.QUIET | {rule.short: TurnCount(100, 45)}) is None

    def test_is_not_told_from_a_handful_of_turns(self) -> None:
        assert burning(dict.fromkeys(windows(), TurnCount(19, 19))) is None
        assert burning(dict.fromkeys(windows(), TurnCount(20, 20))) is RULES[0]
