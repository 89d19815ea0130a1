"""An ingest goes on whatever happens to its worker, its database or its disk."""

import uuid

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ActivityError
from temporalio.testing import WorkflowEnvironment

from activities.ingest import CorpusActivities
from firstline.domain.ingest import IngestProgress, IngestRequest, IngestResult
from firstline.names import ingest_task_queue, ingest_workflow_id
from firstline.ports import PortError, Rejected
from tests.fakes.corpus_builder import FakeCorpusBuilder
from workers.ingest_worker import build_ingest_worker
from workflows.ingest import CorpusIngestWorkflow

REQUEST = IngestRequest("help", ["corpora/a", "corpora/b"], articles=4)


async def ingested(
    server: WorkflowEnvironment, builder: FakeCorpusBuilder, request: IngestRequest = REQUEST
) -> IngestResult:
    """The result of the whole workflow."""
    queue = f"test-{uuid.uuid4().hex}"
    async with build_ingest_worker(server.client, CorpusActivities(builder), queue):
        return await server.client.execute_workflow(
            CorpusIngestWorkflow.run,
            request,
            id=ingest_workflow_id(request.collection),
            task_queue=ingest_task_queue(queue),
        )


class TestAnIngest:
    async def test_stores_every_part_in_order_and_then_switches_over(
        self, skipping_server: WorkflowEnvironment
    ) -> None:
        builder = FakeCorpusBuilder()

        result = await ingested(skipping_server, builder)

        assert builder.stored == ["corpora/a", "corpora/b"]
        assert (builder.completed, builder.mirrored) == ([REQUEST], ["help"])
        assert result.progress == IngestProgress(total=4, seen=4, stored=4, unchanged=0, chunks=6)
        assert result.completed.version == 1

    async def test_does_without_a_mirror_that_stays_away(self, skipping_server: WorkflowEnvironment) -> None:
        builder = FakeCorpusBuilder()
        builder.mirror_errors = [PortError("the mirror did not answer")] * 50

        result = await ingested(skipping_server, builder)

        assert (result.completed.version, builder.mirrored) == (1, [])

    async def test_waits_for_a_database_that_is_away(self, skipping_server: WorkflowEnvironment) -> None:
        builder = FakeCorpusBuilder()
        builder.errors = [PortError("the disk is full")] * 20

        result = await ingested(skipping_server, builder)

        assert result.progress.stored == 4

    async def test_of_what_cannot_be_ingested_ends_with_the_reason(self, skipping_server: WorkflowEnvironment) -> None:
        builder = FakeCorpusBuilder()
        builder.errors = [Rejected("embedded with another model")]

        with pytest.raises(WorkflowFailureError) as failed:
            await ingested(skipping_server, builder)

        assert isinstance(failed.value.cause, ActivityError)
        assert "embedded with another model" in str(failed.value.cause.cause)
        assert builder.completed == []

    async def test_that_goes_on_in_a_fresh_history_skips_what_is_done(
        self, skipping_server: WorkflowEnvironment
    ) -> None:
        builder = FakeCorpusBuilder()
        done = IngestProgress(total=4, seen=2, stored=2, chunks=3)
        later = IngestRequest("help", REQUEST.parts, 4, next_part=1, so_far=done)

        result = await ingested(skipping_server, builder, later)

        assert builder.stored == ["corpora/b"]
        assert result.progress.seen == 4
