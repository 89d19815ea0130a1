"""A caller's words for a time."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from realtime_bridge.tools.callback_time import resolve_when, spoken_time

NEW_YORK = ZoneInfo("America/New_York")
# A Sunday, after office hours.
NOW = datetime(2026, 11, 22, 22, 5, tzinfo=NEW_YORK)


class TestResolving:
    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            ("in one minute", "2026-11-22T22:06"),
            ("In a minute.", "2026-11-22T22:06"),
            ("one minute from now", "2026-11-22T22:06"),
            ("in five minutes please", "2026-11-22T22:10"),
            ("in twenty minutes", "2026-11-22T22:25"),
            ("in half an hour", "2026-11-22T22:35"),
            ("in an hour and a half", "2026-11-22T23:35"),
            ("in two hours", "2026-11-23T00:05"),
            ("tomorrow at nine", "2026-11-23T09:00"),
            ("tomorrow at nine thirty", "2026-11-23T09:30"),
            ("tomorrow at five", "2026-11-23T17:00"),
            ("tomorrow at 5 o'clock in the afternoon", "2026-11-23T17:00"),
            ("at 3 pm", "2026-11-23T15:00"),
            ("next monday at ten", "2026-11-23T10:00"),
            ("tomorrow morning", "2026-11-23T09:00"),
            ("en un minuto", "2026-11-22T22:06"),
            ("en veinte minutos", "2026-11-22T22:25"),
            ("mañana a las nueve", "2026-11-23T09:00"),
        ],
    )
    def test_reads_the_words(self, words: str, expected: str) -> None:
        at = resolve_when(words, NOW, NEW_YORK)

        assert at is not None
        assert at.isoformat().startswith(expected)
        assert at.tzinfo is not None

    @pytest.mark.parametrize("words", ["blue", "", "whenever", "later today maybe"])
    def test_does_not_guess(self, words: str) -> None:
        assert resolve_when(words, NOW, NEW_YORK) is None

    def test_knows_that_the_clocks_changed_in_between(self) -> None:
        """In the night of 8 March 2026 New York skips from two to three."""
        before = datetime(2026, 3, 7, 21, 0, tzinfo=NEW_YORK)

        at = resolve_when("tomorrow at nine", before, NEW_YORK)

        assert at is not None
        assert (at.hour, at.utcoffset()) == (9, datetime(2026, 3, 8, 9, tzinfo=NEW_YORK).utcoffset())

    def test_counts_hours_that_pass_not_hours_on_the_wall(self) -> None:
        before = datetime(2026, 3, 7, 21, 0, tzinfo=NEW_YORK)

        at = resolve_when("in eight hours", before, NEW_YORK)

        assert at is not None
        assert at.isoformat() == "2026-03-08T06:00:00-04:00"


class TestReadingBack:
    @pytest.mark.parametrize(
        ("at", "language", "expected"),
        [
            (datetime(2026, 11, 22, 22, 6, tzinfo=NEW_YORK), "en", "today at 10:06 PM"),
            (datetime(2026, 11, 23, 9, 0, tzinfo=NEW_YORK), "en", "tomorrow at 9:00 AM"),
            (datetime(2026, 11, 27, 9, 0, tzinfo=NEW_YORK), "en", "on Friday, November 27 at 9:00 AM"),
            (datetime(2026, 11, 23, 9, 0, tzinfo=NEW_YORK), "es", "mañana a las 9:00"),
        ],
    )
    def test_sounds_like_a_person(self, at: datetime, language: str, expected: str) -> None:
        assert spoken_time(at, NOW, language) == expected
