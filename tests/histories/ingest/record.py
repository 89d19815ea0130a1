"""Records the histories of ingests that the replay test replays: `python -m tests.histories.ingest.record`."""

import asyncio
import json
from pathlib import Path

from temporalio.testing import WorkflowEnvironment

from activities.ingest import CorpusActivities
from firstline.adapters.embedded_temporal import dev_server_binary
from firstline.domain.ingest import IngestRequest
from firstline.names import TASK_QUEUE, ingest_task_queue, ingest_workflow_id
from firstline.ports import PortError
from tests.fakes.corpus_builder import FakeCorpusBuilder
from tests.histories.record import RECORDER, _without_traces
from workers.ingest_worker import build_ingest_worker
from workflows.ingest import CorpusIngestWorkflow

FOLDER = Path(__file__).parent


async def record() -> None:
    """One ingest of three parts, the first of which needs a second attempt."""
    builder = FakeCorpusBuilder()
    builder.errors = [PortError("the database did not take it")]
    request = IngestRequest("help-centre", ["corpora/a", "corpora/b", "corpora/c"], 6)
    async with (
        await WorkflowEnvironment.start_local(
            dev_server_existing_path=str(dev_server_binary()), identity=RECORDER
        ) as server,
        build_ingest_worker(server.client, CorpusActivities(builder)),
    ):
        handle = await server.client.start_workflow(
            CorpusIngestWorkflow.run,
            request,
            id=ingest_workflow_id(request.collection),
            task_queue=ingest_task_queue(TASK_QUEUE),
        )
        await handle.result()
        history = (await handle.fetch_history()).to_json_dict()
        document = {"workflow_id": handle.id, "history": _without_traces(history)}
        (FOLDER / "ingest_completed.json").write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    asyncio.run(record())
