"""Hands a corpus to the ingest workflow and shows how far it is."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from temporalio.api.enums.v1 import PendingActivityState, TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ActivityError, ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError

from firstline import names
from firstline.domain.ingest import IngestProgress, IngestRequest, IngestResult
from firstline.knowledge.corpus import all_read, count_sources
from firstline.knowledge.errors import CorpusError
from firstline.knowledge.ingest import IngestReport, Progress
from firstline.knowledge.snapshot import take_snapshot
from firstline.ports import ObjectStore, PortError
from firstline.settings import Settings
from workers.wiring_store import converter
from workflows.ingest import CorpusIngestWorkflow

_POLLED_WITHIN = timedelta(seconds=75)
"""A worker asks for work at least once a minute."""
_LOOK_EVERY_S = 0.5
_DOING = {"store_part": "embedding", "complete_version": "indexing", "mirror_version": "mirroring"}
"""What an activity does, for people."""

Handle = WorkflowHandle[CorpusIngestWorkflow, IngestResult]


async def ingesting_client(settings: Settings) -> Client | None:
    """A client when Temporal answers and a worker waits for corpora; None where an ingest must do without."""
    host, _, port = settings.temporal_address.rpartition(":")
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, int(port)), timeout=2)
        writer.close()
        client = await Client.connect(
            settings.temporal_address,
            namespace=settings.temporal_namespace,
            data_converter=converter(settings),
        )
        return client if await has_worker(client) else None
    except (OSError, TimeoutError, ValueError, RuntimeError, RPCError):
        return None


async def has_worker(client: Client, task_queue: str = names.TASK_QUEUE) -> bool:
    """Whether a worker asked for corpora lately."""
    asked = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=names.ingest_task_queue(task_queue)),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
    )
    oldest = datetime.now(UTC) - _POLLED_WITHIN
    return any(poller.last_access_time.ToDatetime(UTC) > oldest for poller in asked.pollers)


async def ingest_durably(
    client: Client,
    store: ObjectStore,
    path: Path,
    collection: str,
    *,
    prune: bool = False,
    progress: Progress | None = None,
    task_queue: str = names.TASK_QUEUE,
) -> IngestReport:
    """Ingest by the workflow, which goes on when this process ends; asking again then shows the same one.

    Raises `CorpusError` when the corpus cannot be used or another corpus is being ingested into the collection,
    `PortError` when the workflow could not carry it out.
    """
    began, tell = datetime.now(UTC), progress or (lambda _: None)
    reading = IngestReport(collection, count_sources(path))

    def read(articles: int) -> None:
        reading.seen = articles
        tell(reading)

    snapshot = await take_snapshot(store, path, read)
    request = IngestRequest(collection, snapshot.parts, snapshot.articles, all_read(snapshot.skipped), prune)
    handle = await _start(client, request, task_queue)
    report = IngestReport(collection, snapshot.articles + len(snapshot.skipped), skipped=snapshot.skipped)
    result = await _watched(handle, report, tell)
    _count(report, result.progress)
    done = result.completed
    report.vanished, report.pruned, report.version = list(done.vanished), done.pruned, done.version
    report.seconds = (datetime.now(UTC) - began).total_seconds()
    return report


async def _start(client: Client, request: IngestRequest, task_queue: str) -> Handle:
    workflow_id = names.ingest_workflow_id(request.collection)
    try:
        return await client.start_workflow(
            CorpusIngestWorkflow.run,
            request,
            id=workflow_id,
            task_queue=names.ingest_task_queue(task_queue),
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            static_summary=f"Ingest {request.articles:,} articles into {request.collection}",
        )
    except WorkflowAlreadyStartedError:
        running: Handle = client.get_workflow_handle_for(CorpusIngestWorkflow.run, workflow_id)
        if await running.query(CorpusIngestWorkflow.parts) != request.parts:
            raise CorpusError(
                f"another corpus is being ingested into {request.collection!r}: wait for workflow {workflow_id}"
            ) from None
        return running
    except RPCError as error:
        raise PortError(f"the ingest could not be started: {error}") from error


async def _watched(handle: Handle, report: IngestReport, tell: Progress) -> IngestResult:
    result = asyncio.ensure_future(handle.result())
    try:
        while not (await asyncio.wait({result}, timeout=_LOOK_EVERY_S))[0]:
            _count(report, await handle.query(CorpusIngestWorkflow.progress))
            report.doing = await _doing(handle)
            tell(report)
        return result.result()
    except WorkflowFailureError as error:
        cause: BaseException | None = error.cause
        cause = cause.cause if isinstance(cause, ActivityError) else cause
        if isinstance(cause, ApplicationError):
            raise CorpusError(cause.message) from error
        raise PortError(f"the ingest ended without a result: {cause}") from error
    except RPCError as error:
        raise PortError(f"Temporal went away; the ingest goes on by itself: {error}") from error
    finally:
        result.cancel()


async def _doing(handle: Handle) -> str:
    """What the workflow does, or why it has to wait."""
    pending = (await handle.describe()).raw_description.pending_activities
    if not pending:
        return "embedding"
    name, failure = pending[0].activity_type.name, pending[0].last_failure.message.partition("\n")[0]
    waiting = pending[0].state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED and failure
    return f"waiting ({failure}), attempt {pending[0].attempt}" if waiting else _DOING.get(name, name)


def _count(report: IngestReport, progress: IngestProgress) -> None:
    report.seen = progress.seen + len(report.skipped)
    report.stored, report.unchanged, report.chunks = progress.stored, progress.unchanged, progress.chunks
