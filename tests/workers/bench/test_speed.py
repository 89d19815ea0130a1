"""The speed benchmark's own parts: growth by copies, and the sweep."""

import uuid
from pathlib import Path

import pytest
from rich.console import Console

from firstline.adapters.postgres import Pool
from firstline.knowledge.errors import CorpusError
from firstline.knowledge.ingest import ingest
from firstline.knowledge.store import find_collection
from tests.fakes.embedder import FakeEmbedder
from tests.knowledge.test_ingest import write
from workers.bench import speed
from workers.bench.speed import grow, measure_speed, show_speed

pytestmark = pytest.mark.integration


async def test_a_collection_grows_by_noisy_copies_and_is_searched_at_rising_rates(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speed, "RATES", (20, 40))
    name, embedder = f"speed-{uuid.uuid4().hex}", FakeEmbedder()
    write(tmp_path, 10)
    await ingest(pool, embedder, tmp_path, name)
    async with pool.connection() as connection:
        collection = await find_collection(connection, name)
        assert collection is not None
        await grow(connection, collection, 25)

    questions = [f"topic number {n}" for n in range(10)]
    report = await measure_speed(pool, embedder, name, questions, 0.5, Console(quiet=True))

    assert (report["articles"], report["chunks"]) == (25, 25)
    assert [load.rate for load in report["loads"]] == [20, 40]
    assert all(0 < load.p50_ms <= load.p95_ms <= load.p99_ms for load in report["loads"])
    assert report["index_recall_at_40"] >= 0.9
    show_speed(report, Console(quiet=True))


async def test_a_collection_that_is_not_there_is_named(pool: Pool) -> None:
    with pytest.raises(CorpusError, match="no collection 'nowhere'"):
        await measure_speed(pool, FakeEmbedder(), "nowhere", ["a"], 1, Console(quiet=True))
