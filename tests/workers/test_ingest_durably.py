"""A corpus goes through the object store and the workflow into the database, and survives a worker's death."""

import asyncio
import uuid
from collections.abc import Sequence
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.ingest import CorpusActivities
from firstline.adapters.postgres import Pool
from firstline.knowledge.build import PostgresCorpusBuilder
from firstline.knowledge.errors import CorpusError
from firstline.knowledge.ingest import BATCH, IngestReport
from firstline.knowledge.search import PostgresKnowledge
from firstline.ports import PortError
from tests.fakes.corpus_builder import FakeCorpusBuilder
from tests.fakes.embedder import FakeEmbedder
from tests.fakes.object_store import FakeObjectStore
from tests.knowledge.test_ingest import rows, write
from workers.ingest_durably import has_worker, ingest_durably
from workers.ingest_worker import build_ingest_worker

pytestmark = pytest.mark.integration


class StallingEmbedder(FakeEmbedder):
    """Answers one batch and no other."""

    def __init__(self) -> None:
        super().__init__()
        self.stalled = asyncio.Event()

    async def passages(self, texts: Sequence[str]) -> list[list[float]]:
        if self.embedded:
            self.stalled.set()
            await asyncio.Event().wait()
        return await super().passages(texts)


class Scene:
    """A Temporal server, a database, an object store, and a task queue and a collection of the test's own."""

    def __init__(self, server: WorkflowEnvironment, pool: Pool) -> None:
        self.client, self.pool, self.store = server.client, pool, FakeObjectStore()
        self.name = self.queue = f"durably-{uuid.uuid4().hex[:8]}"

    def worker(self, embedder: FakeEmbedder) -> Worker:
        builder = PostgresCorpusBuilder(self.pool, self.store, lambda: embedder)
        return build_ingest_worker(self.client, CorpusActivities(builder), self.queue)

    async def ingest(self, path: Path, *, prune: bool = False) -> IngestReport:
        return await ingest_durably(self.client, self.store, path, self.name, prune=prune, task_queue=self.queue)


@pytest.fixture
def scene(dev_server: WorkflowEnvironment, pool: Pool) -> Scene:
    return Scene(dev_server, pool)


class TestACorpus:
    async def test_is_searched_when_its_workflow_has_ended(self, scene: Scene, tmp_path: Path) -> None:
        write(tmp_path, 3)
        (tmp_path / "broken.md").write_text("")

        async with scene.worker(FakeEmbedder()):
            report = await scene.ingest(tmp_path)

        assert (report.stored, report.chunks, report.version, len(report.skipped)) == (3, 3, 1, 1)
        found = await PostgresKnowledge(scene.pool, FakeEmbedder(), scene.name).search("topic number 1")
        assert found.passages[0].article_id == "article-001"

    async def test_ingested_again_embeds_only_what_changed(self, scene: Scene, tmp_path: Path) -> None:
        write(tmp_path, 3)
        embedder = FakeEmbedder()
        async with scene.worker(embedder):
            await scene.ingest(tmp_path)
            (tmp_path / "article-001.md").write_text("# Topic 1\n\nRewritten from scratch.")
            report = await scene.ingest(tmp_path)

        assert (report.stored, report.unchanged, report.version) == (1, 2, 2)
        assert len(embedder.embedded) == 4 * 2  # a chunk and a title each

    async def test_goes_on_where_a_dead_worker_stopped(self, scene: Scene, tmp_path: Path) -> None:
        write(tmp_path, BATCH * 2)
        stalling, fresh = StallingEmbedder(), FakeEmbedder()

        ingesting = asyncio.create_task(scene.ingest(tmp_path))
        async with scene.worker(stalling):
            await stalling.stalled.wait()
            # The second batch stalls while the first is still being stored.
            for _ in range(2_000):
                if len(await rows(scene.pool, scene.name)) == BATCH:
                    break
                await asyncio.sleep(0.01)
        async with scene.worker(fresh):
            report = await ingesting

        assert report.version == 1
        assert len(fresh.embedded) == BATCH * 2  # a chunk and a title each
        assert len(await rows(scene.pool, scene.name)) == BATCH * 2

    async def test_loses_vanished_articles_when_asked(self, scene: Scene, tmp_path: Path) -> None:
        write(tmp_path, 3)
        async with scene.worker(FakeEmbedder()):
            await scene.ingest(tmp_path)
            (tmp_path / "article-002.md").unlink()
            kept = await scene.ingest(tmp_path)
            pruned = await scene.ingest(tmp_path, prune=True)

        assert (kept.vanished, kept.pruned, kept.version) == (["article-002"], False, 1)
        assert (pruned.vanished, pruned.pruned, pruned.version) == (["article-002"], True, 2)

    async def test_of_another_model_is_refused_with_the_reason(self, scene: Scene, tmp_path: Path) -> None:
        write(tmp_path, 1)
        async with scene.worker(FakeEmbedder()):
            await scene.ingest(tmp_path)
        async with scene.worker(FakeEmbedder("other", 32)):
            with pytest.raises(CorpusError, match="embedded with fake"):
                await scene.ingest(tmp_path)

    async def test_waits_while_another_is_ingested_into_the_same_collection(self, scene: Scene, tmp_path: Path) -> None:
        write(tmp_path, BATCH + 1)
        stalling = StallingEmbedder()
        async with scene.worker(stalling):
            first = asyncio.create_task(scene.ingest(tmp_path))
            await stalling.stalled.wait()
            (tmp_path / "article-000.md").write_text("# Another corpus\n\nWith other words.")
            with pytest.raises(CorpusError, match="another corpus is being ingested"):
                await scene.ingest(tmp_path)
        async with scene.worker(FakeEmbedder()):
            assert (await first).version == 1

    async def test_without_a_usable_article_is_refused_before_anything_starts(
        self, scene: Scene, tmp_path: Path
    ) -> None:
        (tmp_path / "a.md").write_text("")

        with pytest.raises(CorpusError, match=r"not one article.*a\.md: the body is empty"):
            await scene.ingest(tmp_path)


class TestTheOneWhoWaits:
    async def test_is_told_why_nothing_happens(self, scene: Scene, tmp_path: Path) -> None:
        write(tmp_path, 2)
        builder, doing = FakeCorpusBuilder(), list[str]()
        builder.errors = [PortError("the disk is full")] * 2
        corpus = CorpusActivities(builder)

        async with build_ingest_worker(scene.client, corpus, scene.queue):
            await ingest_durably(
                scene.client,
                scene.store,
                tmp_path,
                scene.name,
                progress=lambda report: doing.append(report.doing),
                task_queue=scene.queue,
            )

        assert doing[0] == "reading"
        assert any(line.startswith("waiting (the disk is full), attempt") for line in doing)


class TestAWorker:
    async def test_is_known_to_be_there_or_not(self, scene: Scene) -> None:
        assert not await has_worker(scene.client, scene.queue)
        async with scene.worker(FakeEmbedder()):
            async with asyncio.timeout(20):
                while not await has_worker(scene.client, scene.queue):  # noqa: ASYNC110 - the server tells nobody
                    await asyncio.sleep(0.05)
