"""The mirror is kept up, compared with, and never waited for."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from firstline.adapters.postgres import Pool
from firstline.knowledge.ingest import ingest
from firstline.knowledge.mirror import AT_ONCE, MirrorWatch, mirror_version
from firstline.knowledge.search import PostgresKnowledge
from firstline.knowledge.versions import roll_back
from firstline.ports import PortError
from firstline.ports_corpus import MirroredChunk, Nearest
from tests.fakes.embedder import FakeEmbedder
from tests.knowledge.test_ingest import write


class FakeMirror:
    """Finds by inner product; `down` refuses, `gate` is waited for before an answer."""

    def __init__(self) -> None:
        self.chunks: dict[str, dict[str, MirroredChunk]] = {}
        self.puts = 0
        self.down = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def put(self, namespace: str, chunks: Sequence[MirroredChunk]) -> None:
        self._up()
        self.puts += len(chunks)
        self.chunks.setdefault(namespace, {}).update({chunk.id: chunk for chunk in chunks})

    async def remove(self, namespace: str, ids: Sequence[str]) -> None:
        self._up()
        for identity in ids:
            self.chunks[namespace].pop(identity, None)

    async def clear(self, namespace: str) -> None:
        self._up()
        self.chunks.pop(namespace, None)

    async def nearest(self, namespace: str, vector: Sequence[float], k: int, languages: Sequence[str]) -> Nearest:
        self._up()
        await self.gate.wait()
        near = [c for c in self.chunks.get(namespace, {}).values() if c.language in languages]
        near.sort(key=lambda c: (-sum(a * b for a, b in zip(vector, c.vector, strict=True)), c.id))
        return Nearest([c.id for c in near[:k]], 1.0)

    def _up(self) -> None:
        if self.down:
            raise PortError("the mirror did not answer")


def count(name: str, result: str | None = None) -> float:
    return REGISTRY.get_sample_value(name, {"result": result} if result else {}) or 0.0


async def mirrored(pool: Pool, mirror: FakeMirror, name: str) -> int:
    async with pool.connection() as connection:
        return await mirror_version(connection, mirror, name)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A collection of the test's own."""
    return f"mirror {request.node.name}"


@pytest.mark.integration
class TestAnIngestedVersion:
    async def test_is_mirrored_once_and_then_only_what_changed(self, pool: Pool, tmp_path: Path, name: str) -> None:
        write(tmp_path, 4)
        mirror = FakeMirror()
        await ingest(pool, FakeEmbedder(), tmp_path, name)
        first, again = await mirrored(pool, mirror, name), await mirrored(pool, mirror, name)
        (tmp_path / "article-001.md").write_text("# Topic 1\n\nRewritten from scratch.")
        await ingest(pool, FakeEmbedder(), tmp_path, name)

        assert (first, again, await mirrored(pool, mirror, name)) == (4, 0, 2)
        assert (len(mirror.chunks[name]), mirror.puts) == (4, 5)

    async def test_that_was_rolled_back_is_what_the_mirror_goes_back_to(
        self, pool: Pool, tmp_path: Path, name: str
    ) -> None:
        write(tmp_path, 2)
        mirror = FakeMirror()
        await ingest(pool, FakeEmbedder(), tmp_path, name)
        await mirrored(pool, mirror, name)
        before = set(mirror.chunks[name])
        (tmp_path / "article-001.md").write_text("# Topic 1\n\nRewritten from scratch.")
        await ingest(pool, FakeEmbedder(), tmp_path, name)
        await mirrored(pool, mirror, name)
        async with pool.connection() as connection:
            await roll_back(connection, name)

        await mirrored(pool, mirror, name)

        assert set(mirror.chunks[name]) == before

    async def test_is_mirrored_later_when_the_mirror_was_down(self, pool: Pool, tmp_path: Path, name: str) -> None:
        write(tmp_path, 2)
        mirror = FakeMirror()
        await ingest(pool, FakeEmbedder(), tmp_path, name)
        mirror.down = True
        with pytest.raises(PortError):
            await mirrored(pool, mirror, name)
        mirror.down = False

        assert await mirrored(pool, mirror, name) == 2


@pytest.mark.integration
class TestASearch:
    async def test_is_compared_with_the_mirror(self, pool: Pool, tmp_path: Path, name: str) -> None:
        write(tmp_path, 8)
        mirror = FakeMirror()
        await ingest(pool, FakeEmbedder(), tmp_path, name)
        await mirrored(pool, mirror, name)
        watch = MirrorWatch(mirror, 1.0)
        compared, agreed = count("firstline_mirror_queries_total", "compared"), count("firstline_mirror_overlap_sum")

        await PostgresKnowledge(pool, FakeEmbedder(), name, mirror=watch).search("topic number 3")
        await watch.settled()

        assert count("firstline_mirror_queries_total", "compared") == compared + 1
        assert count("firstline_mirror_overlap_sum") - agreed >= 0.6

    async def test_is_the_same_when_the_mirror_is_down(self, pool: Pool, tmp_path: Path, name: str) -> None:
        write(tmp_path, 3)
        mirror = FakeMirror()
        mirror.down = True
        await ingest(pool, FakeEmbedder(), tmp_path, name)
        watch, failed = MirrorWatch(mirror, 1.0), count("firstline_mirror_queries_total", "failed")

        with_mirror = await PostgresKnowledge(pool, FakeEmbedder(), name, mirror=watch).search("topic number 1")
        await watch.settled()

        assert (
            with_mirror.passages
            == (await PostgresKnowledge(pool, FakeEmbedder(), name).search("topic number 1")).passages
        )
        assert count("firstline_mirror_queries_total", "failed") == failed + 1


class TestWatching:
    async def test_a_slow_mirror_is_never_waited_for_and_questions_do_not_pile_up(self) -> None:
        mirror = FakeMirror()
        mirror.gate.clear()
        watch, skipped = MirrorWatch(mirror, 1.0), count("firstline_mirror_queries_total", "skipped")

        for _ in range(AT_ONCE + 3):
            watch.saw("help", [1.0], ["kb_1"], ["en"])

        assert count("firstline_mirror_queries_total", "skipped") == skipped + 3
        mirror.gate.set()
        await watch.settled()

    async def test_a_share_of_the_questions_is_compared(self) -> None:
        watch, compared = MirrorWatch(FakeMirror(), 0.5, seed=1), count("firstline_mirror_queries_total", "compared")

        for _ in range(200):
            watch.saw("help", [1.0], ["kb_1"], ["en"])
            await watch.settled()

        assert 80 <= count("firstline_mirror_queries_total", "compared") - compared <= 120
