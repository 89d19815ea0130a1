"""The worker for corpora, with a task queue of its own: embedding must not keep a call's activities waiting."""

from temporalio.client import Client
from temporalio.worker import Worker, WorkerDeploymentConfig

from activities.ingest import CorpusActivities
from firstline import names
from workers.worker import workflow_runner
from workflows.ingest import CorpusIngestWorkflow


def build_ingest_worker(
    client: Client,
    corpus: CorpusActivities,
    task_queue: str = names.TASK_QUEUE,
    *,
    version: WorkerDeploymentConfig | None = None,
) -> Worker:
    """One part at a time in a process: the embedding model uses every core it is given. `version` as `version_of`."""
    return Worker(
        client,
        task_queue=names.ingest_task_queue(task_queue),
        workflows=[CorpusIngestWorkflow],
        activities=[corpus.store_part, corpus.complete_version, corpus.mirror_version],
        workflow_runner=workflow_runner(),
        max_concurrent_activities=1,
        deployment_config=version,
        # No grace: what is committed stays, and the part goes on at once in another process.
    )
