"""What every `ports_after_call.Survey` does."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from firstline.adapters.postgres import Pool
from firstline.adapters.read_model import PostgresReadModel
from firstline.adapters.survey import PostgresSurvey
from firstline.domain.call import Outcome
from firstline.ports import ReadModel, Rejected
from firstline.ports_after_call import Survey
from tests.fakes.read_model import FakeReadModel
from tests.fakes.survey import FakeSurvey
from tests.workflows.finished import finished

BEGIN = datetime(2032, 1, 1, tzinfo=UTC)
END = datetime(2032, 2, 1, tzinfo=UTC)


@dataclass
class World:
    """A survey, the calls it draws from, and the database behind it."""

    model: ReadModel
    survey: Survey
    pool: Pool | None

    async def freeze(self, call_sid: str) -> None:
        """Make a call an item of the evaluation set."""
        if isinstance(self.survey, FakeSurvey):
            self.survey.eval_calls.add(call_sid)
            return
        assert self.pool is not None
        async with self.pool.connection() as connection:
            await connection.execute("insert into eval_calls values (%s) on conflict do nothing", (call_sid,))

    async def scores(self, month: str) -> dict[str, int | None]:
        if isinstance(self.survey, FakeSurvey):
            return dict(self.survey.samples[month])
        assert self.pool is not None
        async with self.pool.connection() as connection:
            rows = await connection.execute("select call_sid, score from csat_samples where month = %s", (month,))
            return dict(await rows.fetchall())


@pytest.fixture(params=["fake", "postgres"])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "fake":
        model = FakeReadModel()
        return World(model, FakeSurvey(model), None)
    pool: Pool = request.getfixturevalue("pool")
    return World(PostgresReadModel(pool), PostgresSurvey(pool), pool)


class TestASurvey:
    async def test_draws_from_resolved_calls_of_the_time_that_are_not_frozen(self, world: World) -> None:
        for record in (
            finished("CA51", BEGIN),
            finished("CA52", BEGIN - timedelta(seconds=1)),
            finished("CA53", BEGIN, outcome=Outcome.TRANSFERRED),
            finished("CA54", END - timedelta(seconds=1)),
            finished("CA55", BEGIN),
            finished("CA56", END),
        ):
            await world.model.save_call(record, "")
        await world.freeze("CA55")

        assert list(await world.survey.deflected(BEGIN, END)) == ["CA51", "CA54"]

    async def test_keeps_a_sample_once(self, world: World) -> None:
        for _ in range(2):
            await world.survey.keep_sample("2032-01", ["CA51", "CA54"])

        assert list(await world.survey.sample("2032-01")) == ["CA51", "CA54"]
        assert list(await world.survey.sample("2032-02")) == []

    async def test_keeps_the_last_score_of_a_call(self, world: World) -> None:
        await world.survey.keep_sample("2032-03", ["CA51", "CA54"])

        for score in (2, 5):
            await world.survey.keep_score("2032-03", "CA54", score)

        assert await world.scores("2032-03") == {"CA51": None, "CA54": 5}

    async def test_takes_no_score_that_is_none(self, world: World) -> None:
        await world.survey.keep_sample("2032-04", ["CA51"])

        with pytest.raises(Rejected):
            await world.survey.keep_score("2032-04", "CA51", 6)
