"""The speed benchmark's own parts: growth by copies, the load, the search for the highest rate."""

import uuid
from pathlib import Path

import pytest
from psycopg import AsyncConnection
from rich.console import Console

from firstline.adapters.postgres import Pool
from firstline.knowledge.errors import CorpusError
from firstline.knowledge.ingest import ingest
from firstline.knowledge.store import Collection, find_collection
from firstline.knowledge.versions import drop_collection
from tests.fakes.embedder import FakeEmbedder
from tests.knowledge.test_ingest import rows, write
from workers.bench.cpu_split import Watch
from workers.bench.growth import grown
from workers.bench.open_loop import LIMIT_MS, Load, find_ceiling
from workers.bench.speed import measure_speed, show_speed
from workers.bench.speed_run import _found


@pytest.fixture
async def source(pool: Pool, tmp_path: Path) -> Collection:
    name = f"speed-{uuid.uuid4().hex}"
    write(tmp_path, 10)
    await ingest(pool, FakeEmbedder(), tmp_path, name)
    async with pool.connection() as connection:
        collection = await find_collection(connection, name)
    assert collection is not None
    return collection


@pytest.mark.integration
async def test_a_collection_grows_by_copies_that_are_not_the_same(pool: Pool, source: Collection) -> None:
    async with pool.connection() as connection:
        await grown(connection, source, f"{source.name}-25", 25)

    stored = await rows(pool, f"{source.name}-25", "c.article_id, c.body, c.embedding::text")

    assert len(stored) == 25
    assert {article.partition("#")[0] for article, _, _ in stored} == {f"article-{n:03}" for n in range(10)}
    assert len({body for _, body, _ in stored}) == len({vector for _, _, vector in stored}) == 25


@pytest.mark.integration
async def test_a_collection_cut_down_is_searched_at_a_rate(pool: Pool, source: Collection) -> None:
    async with pool.connection() as connection:
        few = await grown(connection, source, f"{source.name}-5", 5)

    questions = [f"topic number {n}" for n in range(10)]
    sized = await measure_speed(pool, FakeEmbedder(), few, questions, 0.5, ceiling=False)

    assert (sized.articles, sized.chunks, sized.load.searches) == (5, 5, 10)
    assert 0 < sized.load.p50_ms <= sized.load.p95_ms <= sized.load.p99_ms
    assert sized.index_recall_at_40 == 1
    assert sized.megabytes["vectors"] > 0
    assert sized.megabytes["words"] > 0
    show_speed({"sizes": [sized]}, Console(quiet=True))
    async with pool.connection() as connection:
        await drop_collection(connection, few.name)
        left = await connection.execute("select relname from pg_class where relname like %s", (f"chunks_by_%{few.id}",))
        assert await left.fetchall() == []


@pytest.mark.integration
async def test_a_collection_that_is_not_there_is_named(pool: Pool) -> None:
    with pytest.raises(CorpusError, match="no collection 'nowhere'"):
        await _found(pool, FakeEmbedder(), "nowhere")


@pytest.mark.integration
async def test_a_connection_that_is_opened_while_it_is_measured_counts_as_postgres(pool: Pool) -> None:
    watch = await Watch.begin(pool)
    async with await AsyncConnection.connect(pool.conninfo) as opened:
        await opened.execute("select sum(sqrt(n)) from generate_series(1, 2000000) n")
        split = await watch.split(1)

    assert split.postgres_ms is not None
    assert split.postgres_ms > split.python_ms > 0


async def test_the_highest_rate_is_closed_in_on_from_both_sides() -> None:
    async def at(rate: float) -> Load:
        p95 = LIMIT_MS - 1 if rate <= 50 else LIMIT_MS + 1
        return Load(rate, 100, p95, p95, p95, 1, 1)

    found = await find_ceiling(at, 20)

    assert found.highest_rate is not None
    assert 47 < found.highest_rate <= 50
    assert [step.rate for step in found.steps[:4]] == [20, 30, 45, 67.5]


async def test_a_first_rate_that_is_too_much_ends_the_search() -> None:
    async def at(rate: float) -> Load:
        return Load(rate, 100, 200, 200, 200, 1, 1)

    found = await find_ceiling(at, 20)

    assert (found.highest_rate, len(found.steps)) == (None, 1)
