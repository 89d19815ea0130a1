"""When a callback may ring."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstline.domain.hours import Hours, Span, parse_holidays, parse_open, parse_quiet

NEW_YORK = ZoneInfo("America/New_York")
LOS_ANGELES = ZoneInfo("America/Los_Angeles")
OFFICE = Hours(NEW_YORK, parse_open("mon-fri 08:00-20:00, sat 10:00-14:00"), frozenset({"12-25", "2026-11-26"}))


def at(text: str, zone: ZoneInfo = NEW_YORK, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold)


class TestARefusal:
    @pytest.mark.parametrize("moment", ["2026-03-02T08:00", "2026-03-02T19:59", "2026-03-07T10:00"])
    def test_is_none_within_the_hours(self, moment: str) -> None:
        assert OFFICE.refusal(at(moment)) is None

    @pytest.mark.parametrize("moment", ["2026-03-02T07:59", "2026-03-02T20:00", "2026-03-07T14:00", "2026-03-08T12:00"])
    def test_names_the_time_outside_of_them(self, moment: str) -> None:
        assert "outside of the hours" in (OFFICE.refusal(at(moment)) or "")

    @pytest.mark.parametrize("moment", ["2026-11-26T12:00", "2026-12-25T12:00", "2030-12-25T12:00"])
    def test_names_a_holiday(self, moment: str) -> None:
        assert "is a holiday" in (OFFICE.refusal(at(moment)) or "")

    def test_lets_people_sleep_where_they_are(self) -> None:
        hours = Hours(NEW_YORK, quiet=parse_quiet("21:00-08:00"))
        nine = at("2026-03-02T09:00")

        assert hours.refusal(nine) is None
        assert hours.refusal(nine, [LOS_ANGELES]) == "we do not call at 6:00 AM, when people sleep"
        assert hours.refusal(nine, [NEW_YORK, LOS_ANGELES]) is not None


class TestTheNextAllowedMoment:
    @pytest.mark.parametrize(
        ("wanted", "allowed"),
        [
            ("2026-03-02T09:30", "2026-03-02T09:30"),
            ("2026-03-02T20:30", "2026-03-03T08:00"),
            ("2026-03-06T21:00", "2026-03-07T10:00"),
            ("2026-03-07T15:00", "2026-03-09T08:00"),
            ("2026-11-25T22:00", "2026-11-27T08:00"),
        ],
    )
    def test_is_the_wanted_one_or_the_next_opening(self, wanted: str, allowed: str) -> None:
        assert OFFICE.next_allowed(at(wanted)) == at(allowed)

    def test_suits_the_line_and_the_sleeper(self) -> None:
        hours = Hours(NEW_YORK, parse_open("mon-fri 08:00-20:00"), quiet=parse_quiet("21:00-08:00"))

        assert hours.next_allowed(at("2026-03-02T08:00"), [LOS_ANGELES]) == at("2026-03-02T11:00")

    def test_of_a_night_in_which_the_clocks_are_put_forward_is_after_the_gap(self) -> None:
        early = Hours(NEW_YORK, parse_open("sun 02:30-06:00"))

        assert early.next_allowed(at("2026-03-08T01:00")) == at("2026-03-08T03:00")

    def test_of_a_night_in_which_the_clocks_are_put_back_is_the_first_of_two(self) -> None:
        early = Hours(NEW_YORK, parse_open("sun 01:30-01:45"))
        first, second = at("2026-11-01T01:30"), at("2026-11-01T01:30", fold=1)

        assert early.next_allowed(at("2026-11-01T00:00")).timestamp() == first.timestamp()  # type: ignore[union-attr]
        assert early.next_allowed(first + timedelta(minutes=15)).timestamp() == second.timestamp()  # type: ignore[union-attr]

    def test_is_none_when_there_is_none(self) -> None:
        assert Hours(NEW_YORK, {}).next_allowed(at("2026-03-02T09:00")) is None

    @settings(max_examples=40, deadline=None)
    @given(st.integers(0, 2 * 365 * 24 * 60), st.integers(0, 23), st.integers(1, 12))
    def test_is_allowed_and_no_earlier_minute_is(self, minutes: int, opens: int, length: int) -> None:
        hours = Hours(NEW_YORK, dict.fromkeys(range(7), (Span(opens * 60 + 10, min(opens + length, 24) * 60),)))
        wanted = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)

        allowed = hours.next_allowed(wanted)

        assert allowed is not None
        assert hours.refusal(allowed) is None
        earlier = (
            wanted + timedelta(minutes=passed) for passed in range(int((allowed - wanted).total_seconds() // 60))
        )
        assert all(hours.refusal(moment) for moment in earlier)


class TestSettings:
    def test_of_hours_may_name_a_day_twice_and_wrap_the_week(self) -> None:
        hours = parse_open("sat-mon 09:00-12:00, mon 13:00-24:00")

        assert sorted(hours) == [0, 5, 6]
        assert hours[0] == (Span(540, 720), Span(780, 1440))

    @pytest.mark.parametrize(
        "text", ["mon-fri", "mon 8-20", "someday 08:00-20:00", "mon 20:00-08:00", "mon 08:00-25:00", ""]
    )
    def test_that_are_no_hours_are_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"not like|ends before|no clock"):
            parse_open(text)

    @pytest.mark.parametrize("text", ["tomorrow", "13-01", "2026-02-30"])
    def test_that_are_no_dates_are_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="is not a date"):
            parse_holidays(text)

    @pytest.mark.parametrize("text", ["late", "08:00-08:00", ""])
    def test_that_are_no_quiet_hours_are_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="is not like"):
            parse_quiet(text)
