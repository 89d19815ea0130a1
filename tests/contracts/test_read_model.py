"""What every read model does, the fake one included."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import pytest

from firstline.adapters.postgres import Pool
from firstline.adapters.read_model import PostgresReadModel
from firstline.domain.call import CallStarted, Outcome
from firstline.domain.flags import Flag, FlagKind
from firstline.domain.turn import ToolUse, Turn, TurnTiming, Usage
from firstline.ports import CallRecord, ReadModel, Rejected
from tests.fakes.read_model import FakeReadModel

Row = tuple[str, str, list[str]]
"""Outcome, trace link and the callers' words of a stored call."""
SLOW = Flag(FlagKind.LATENCY_OUTLIER, 1, "first_audio_ms 900, SLO 700")


@dataclass
class Store:
    """A read model and a way to see what it holds."""

    model: ReadModel
    read: Callable[[str], Awaitable[Row | None]]


def turn(number: int, words: str) -> Turn:
    return Turn(
        number,
        words,
        "Open Settings, then Seats.",
        confidence=0.91,
        chunk_ids=["kb_0123456789ab"],
        article_ids=["add-seats"],
        tools=[ToolUse("lookup_article", '{"query": "seats"}', "{}", 41.5)],
        timing=TurnTiming(410.0, 690.0, {"retrieval": 31.0}),
        usage=Usage(input_audio=120, cached=20, output_audio=300),
    )


def record(sid: str, *words: str) -> CallRecord:
    start = CallStarted(sid, "+15550100111", "+15550100100", "2026-03-02T15:00:00+00:00")
    turns = [turn(number, said) for number, said in enumerate(words, start=1)]
    return CallRecord(start, "2026-03-02T15:04:00+00:00", Outcome.RESOLVED, "en", turns, ["ringing", "resolved"])


def fake() -> Store:
    model = FakeReadModel()

    async def read(sid: str) -> Row | None:
        stored = model.calls.get(sid)
        return (stored[0].outcome.value, stored[1], [t.caller_text for t in stored[0].turns]) if stored else None

    return Store(model, read)


def real(pool: Pool) -> Store:
    async def read(sid: str) -> Row | None:
        async with pool.connection() as connection:
            cursor = await connection.execute(
                "select outcome, trace_url, array(select caller_text from turns t where t.call_sid = c.call_sid"
                " order by number) from calls c where call_sid = %s",
                (sid,),
            )
            row = await cursor.fetchone()
        return (row[0], row[1], row[2]) if row else None

    return Store(PostgresReadModel(pool), read)


@pytest.fixture(params=["fake", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    return fake() if request.param == "fake" else real(request.getfixturevalue("pool"))


class TestReadModel:
    async def test_stores_a_call_with_its_turns_in_order(self, store: Store) -> None:
        await store.model.save_call(record("CA1", "how do I add seats", "thanks"), "https://x/1")

        assert await store.read("CA1") == ("resolved", "https://x/1", ["how do I add seats", "thanks"])

    async def test_is_the_same_after_a_repeat(self, store: Store) -> None:
        await store.model.save_call(record("CA2", "hello"), "https://x/2")

        await store.model.save_call(record("CA2", "hello"), "https://x/2")

        assert await store.read("CA2") == ("resolved", "https://x/2", ["hello"])

    async def test_holds_the_last_write_of_a_call_and_nothing_of_the_one_before(self, store: Store) -> None:
        await store.model.save_call(record("CA3", "one", "two", "three"), "https://x/3")

        await store.model.save_call(replace(record("CA3", "one"), outcome=Outcome.CALLBACK), "https://x/3b")

        assert await store.read("CA3") == ("callback", "https://x/3b", ["one"])

    async def test_knows_nothing_of_a_call_that_was_never_saved(self, store: Store) -> None:
        assert await store.read("CA4") is None


class TestPostgresReadModel:
    async def test_stores_words_with_a_nul_in_them(self, pool: Pool) -> None:
        store = real(pool)

        await store.model.save_call(record("CA5", "hel\x00lo"), "")

        assert await store.read("CA5") == ("resolved", "", ["hello"])

    async def test_rejects_a_record_that_no_retry_can_store(self, pool: Pool) -> None:
        broken = replace(record("CA6", "hello"), ended_at="yesterday-ish")

        with pytest.raises(Rejected, match="CA6"):
            await PostgresReadModel(pool).save_call(broken, "")

        assert await real(pool).read("CA6") is None

    async def test_keeps_the_numbers_of_a_turn(self, pool: Pool) -> None:
        await PostgresReadModel(pool).save_call(record("CA7", "hello"), "")

        async with pool.connection() as connection:
            cursor = await connection.execute(
                "select confidence, first_audio_ms, (stages->>'retrieval')::float8, (usage->>'input_audio')::int,"
                " tools->0->>'name', chunk_ids from turns where call_sid = 'CA7'"
            )
            row = await cursor.fetchone()

        assert row == (0.91, 410.0, 31.0, 120, "lookup_article", ["kb_0123456789ab"])

    async def test_keeps_the_flags_of_the_last_write(self, pool: Pool) -> None:
        model, flagged = PostgresReadModel(pool), replace(record("CA8", "hello"), flags=[SLOW])
        await model.save_call(replace(flagged, flags=[SLOW, Flag(FlagKind.HANDOFF, 0)]), "")

        await model.save_call(flagged, "")

        async with pool.connection() as connection:
            cursor = await connection.execute("select turn, kind, detail from flags where call_sid = 'CA8'")
            rows = await cursor.fetchall()
        assert rows == [(1, "latency_outlier", "first_audio_ms 900, SLO 700")]
