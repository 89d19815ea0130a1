"""What every `ports_after_call.CallStatistics` counts."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from firstline.adapters.call_statistics import PostgresCallStatistics
from firstline.adapters.postgres import Pool
from firstline.adapters.read_model import PostgresReadModel
from firstline.domain.call import CallStarted, Outcome
from firstline.domain.flags import Flag, FlagKind
from firstline.domain.review import FlaggedTurn, FlagTally
from firstline.domain.slo import TurnCount
from firstline.domain.turn import Turn, TurnTiming
from firstline.ports import CallRecord, ReadModel
from firstline.ports_after_call import CallStatistics
from tests.fakes.call_statistics import FakeCallStatistics
from tests.fakes.read_model import FakeReadModel

# Far from the times of every other test that writes to the same database.
BEGIN = datetime(2031, 3, 3, tzinfo=UTC)
WEEK = timedelta(days=7)
LOW, SLOW = Flag(FlagKind.LOW_CONFIDENCE, 2, "confidence 0.41"), Flag(FlagKind.LATENCY_OUTLIER, 1, "900 ms")


@dataclass
class Counted:
    """A read model and the counts over it."""

    model: ReadModel
    statistics: CallStatistics

    async def save(self, sid: str, at: datetime, *flags: Flag, waits: tuple[float | None, ...] = ()) -> None:
        """A call that rings at `at` and ends five minutes later."""
        start = CallStarted(sid, "+15550100111", "+15550100100", at.isoformat())
        turns = [Turn(n, "", "", timing=TurnTiming(first_audio_ms=waited)) for n, waited in enumerate(waits, 1)]
        ended = (at + timedelta(minutes=5)).isoformat()
        await self.model.save_call(CallRecord(start, ended, Outcome.RESOLVED, "en", turns, [], flags=list(flags)), "")


@pytest.fixture(params=["fake", "postgres"])
def counted(request: pytest.FixtureRequest) -> Counted:
    if request.param == "fake":
        model = FakeReadModel()
        return Counted(model, FakeCallStatistics(model))
    pool: Pool = request.getfixturevalue("pool")
    return Counted(PostgresReadModel(pool), PostgresCallStatistics(pool))


class TestFlags:
    async def test_are_counted_by_kind_in_the_time_asked_for_with_the_newest_places(self, counted: Counted) -> None:
        await counted.save("CA31", BEGIN - timedelta(seconds=1), LOW)
        await counted.save("CA32", BEGIN, LOW, SLOW)
        await counted.save("CA33", BEGIN + timedelta(days=1), LOW)
        await counted.save("CA34", BEGIN + WEEK, LOW)

        tallies = await counted.statistics.flag_tallies(BEGIN, BEGIN + WEEK, 1)

        newest = (BEGIN + timedelta(days=1)).isoformat()
        assert tallies == [
            FlagTally("low_confidence", 2, [FlaggedTurn("CA33", 2, "confidence 0.41", newest)]),
            FlagTally("latency_outlier", 1, [FlaggedTurn("CA32", 1, "900 ms", BEGIN.isoformat())]),
        ]

    async def test_can_be_counted_without_places(self, counted: Counted) -> None:
        await counted.save("CA35", BEGIN + 3 * WEEK, SLOW)

        assert await counted.statistics.flag_tallies(BEGIN + 3 * WEEK, BEGIN + 4 * WEEK, 0) == [
            FlagTally("latency_outlier", 1)
        ]

    async def test_of_a_quiet_week_are_none(self, counted: Counted) -> None:
        assert await counted.statistics.flag_tallies(BEGIN + 8 * WEEK, BEGIN + 9 * WEEK, 5) == []


class TestFirstAudio:
    async def test_counts_the_answered_turns_of_calls_that_ended_in_the_time(self, counted: Counted) -> None:
        begin = BEGIN + 5 * WEEK
        await counted.save("CA36", begin, waits=(700.0, 700.5, None, 1200.0))
        await counted.save("CA37", begin - timedelta(minutes=6), waits=(5000.0,))

        count = await counted.statistics.first_audio(begin, begin + timedelta(hours=1), 700.0)

        assert count == TurnCount(3, 2)

    async def test_of_silence_is_nothing(self, counted: Counted) -> None:
        assert await counted.statistics.first_audio(BEGIN + 8 * WEEK, BEGIN + 9 * WEEK, 700.0) == TurnCount(0, 0)
