"""A new version of a corpus takes the old one's place at once, and gives it back when asked."""

from pathlib import Path

import pytest

from firstline.adapters.postgres import Pool
from firstline.knowledge.errors import CorpusError
from firstline.knowledge.ingest import IngestReport, ingest
from firstline.knowledge.search import PostgresKnowledge
from firstline.knowledge.versions import KEPT, Version, drop_collection, roll_back, versions
from tests.fakes.embedder import FakeEmbedder

pytestmark = pytest.mark.integration


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A collection of the test's own."""
    return f"versions {request.node.name}"


async def tell(pool: Pool, folder: Path, name: str, text: str) -> IngestReport:
    """Ingest a corpus of two articles, one of which says `text`."""
    (folder / "hours.md").write_text(f"---\nlang: en\n---\n# Hours\n\n{text}")
    (folder / "same.md").write_text("---\nlang: en\n---\n# Seats\n\nAdd seats in the settings.")
    return await ingest(pool, FakeEmbedder(), folder, name)


async def answer(knowledge: PostgresKnowledge) -> str:
    return (await knowledge.search("hours")).passages[0].text


async def listed(pool: Pool, name: str) -> list[Version]:
    async with pool.connection() as connection:
        return await versions(connection, name)


class TestANewVersion:
    async def test_is_what_a_running_search_finds_from_then_on(self, pool: Pool, tmp_path: Path, name: str) -> None:
        await tell(pool, tmp_path, name, "Open until six.")
        knowledge = PostgresKnowledge(pool, FakeEmbedder(), name)
        before = await answer(knowledge)

        report = await tell(pool, tmp_path, name, "Open until eight.")

        assert "six" in before
        assert "eight" in await answer(knowledge)
        assert (report.version, report.stored, report.unchanged) == (2, 1, 1)

    async def test_is_not_seen_before_it_is_complete(self, pool: Pool, tmp_path: Path, name: str) -> None:
        await tell(pool, tmp_path, name, "Open until six.")
        knowledge = PostgresKnowledge(pool, FakeEmbedder(), name)
        (tmp_path / "hours.md").write_text("# Hours\n\nOpen until eight.")

        def kill(report: IngestReport) -> None:
            if report.stored:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            await ingest(pool, FakeEmbedder(), tmp_path, name, progress=kill)

        assert "six" in await answer(knowledge)
        assert [version.state for version in await listed(pool, name)] == ["building", "active"]

    async def test_is_not_made_when_nothing_changed(self, pool: Pool, tmp_path: Path, name: str) -> None:
        await tell(pool, tmp_path, name, "Open until six.")

        report = await tell(pool, tmp_path, name, "Open until six.")

        assert report.version == 1
        assert [version.version for version in await listed(pool, name)] == [1]

    async def test_leaves_only_so_many_behind(self, pool: Pool, tmp_path: Path, name: str) -> None:
        for hour in range(KEPT + 3):
            await tell(pool, tmp_path, name, f"Open until {hour}.")

        states = [version.state for version in await listed(pool, name)]

        assert states == ["active"] + ["retired"] * KEPT


class TestRollingBack:
    async def test_gives_the_version_before(self, pool: Pool, tmp_path: Path, name: str) -> None:
        await tell(pool, tmp_path, name, "Open until six.")
        await tell(pool, tmp_path, name, "Open until eight.")
        knowledge = PostgresKnowledge(pool, FakeEmbedder(), name)
        assert "eight" in await answer(knowledge)

        async with pool.connection() as connection:
            earlier = await roll_back(connection, name)

        assert earlier.version == 1
        assert "six" in await answer(knowledge)

    async def test_is_followed_by_a_version_of_a_new_number(self, pool: Pool, tmp_path: Path, name: str) -> None:
        await tell(pool, tmp_path, name, "Open until six.")
        await tell(pool, tmp_path, name, "Open until eight.")
        async with pool.connection() as connection:
            await roll_back(connection, name)

        assert (await tell(pool, tmp_path, name, "Open until nine.")).version == 3

    async def test_is_refused_when_there_is_nothing_before(self, pool: Pool, tmp_path: Path, name: str) -> None:
        await tell(pool, tmp_path, name, "Open until six.")

        async with pool.connection() as connection:
            with pytest.raises(CorpusError, match="no version before 1"):
                await roll_back(connection, name)
            with pytest.raises(CorpusError, match="no collection 'nowhere'"):
                await roll_back(connection, "nowhere")


class TestDropping:
    async def test_leaves_nothing(self, pool: Pool, tmp_path: Path, name: str) -> None:
        await tell(pool, tmp_path, name, "Open until six.")
        await tell(pool, tmp_path, name, "Open until eight.")

        async with pool.connection() as connection:
            await drop_collection(connection, name)

        assert await listed(pool, name) == []
