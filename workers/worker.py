"""The worker: runs every workflow and every activity."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkerDeploymentConfig
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.archive import TraceActivities
from activities.callback import CallbackActivities
from activities.csat import CsatActivities
from activities.handoff import HandoffActivities
from activities.on_call import OnCallActivities
from activities.orphans import OrphanActivities
from activities.prefetch import PrefetchActivities
from activities.retention import RetentionActivities
from activities.review import ReviewActivities
from activities.slo import SloActivities
from activities.trace_view import TraceViewActivities
from firstline import names
from workers.pinning import PinningRunner
from workflows.call import CallWorkflow
from workflows.callback import CallbackWorkflow
from workflows.csat import CsatWorkflow
from workflows.handoff import HandoffWorkflow
from workflows.orphans import OrphansWorkflow
from workflows.retention import RetentionWorkflow
from workflows.review import ReviewWorkflow
from workflows.slo import SloWorkflow

WORKFLOWS = (
    CallWorkflow,
    HandoffWorkflow,
    CallbackWorkflow,
    ReviewWorkflow,
    CsatWorkflow,
    RetentionWorkflow,
    SloWorkflow,
    OrphansWorkflow,
)
GRACE = timedelta(seconds=10)
"""For activities that run when the worker is told to stop; later they are cancelled and retried elsewhere."""


@dataclass(frozen=True)
class Activities:
    """Every activity class, bound to its adapters."""

    handoff: HandoffActivities
    on_call: OnCallActivities
    callback: CallbackActivities
    trace: TraceActivities
    prefetch: PrefetchActivities
    review: ReviewActivities
    slo: SloActivities
    csat: CsatActivities
    orphans: OrphanActivities
    retention: RetentionActivities
    trace_view: TraceViewActivities

    @property
    def methods(self) -> list[Callable[..., Any]]:
        """Every activity of every class."""
        groups = [getattr(self, group.name) for group in fields(self)]
        bound = [getattr(group, name) for group in groups for name in vars(type(group))]
        return [method for method in bound if hasattr(method, "__temporal_activity_definition")]


def workflow_runner(version: WorkerDeploymentConfig | None = None) -> SandboxedWorkflowRunner:
    """The sandbox; what is pure or never runs inside a workflow is loaded once for all of them."""
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules("firstline", "activities"),
        runner_class=PinningRunner if version else UnsandboxedWorkflowRunner,
    )


def version_of(build_id: str, deployment: str = names.WORKER_DEPLOYMENT) -> WorkerDeploymentConfig | None:
    """How Temporal tells this worker from those of another version; None for workers without one.

    Calls and handoffs end on the version on which they began; everything else, callbacks that sleep for weeks among it,
    goes over to the released one at its next step, and is kept compatible by `workflow.patched`.
    """
    if not build_id:
        return None
    return WorkerDeploymentConfig(
        WorkerDeploymentVersion(deployment, build_id),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )


class Workers:
    """Everything that one worker process runs, used as one: `await run()` until cancelled, or `async with`."""

    def __init__(self, *workers: Worker) -> None:
        self._workers = workers
        self._stack = AsyncExitStack()

    async def run(self) -> None:
        """Until cancelled, or until one of them fails."""
        async with asyncio.TaskGroup() as together:
            for worker in self._workers:
                together.create_task(worker.run())

    async def __aenter__(self) -> "Workers":
        for worker in self._workers:
            await self._stack.enter_async_context(worker)
        return self

    async def __aexit__(self, *raised: Any) -> None:
        await self._stack.aclose()


def build_worker(
    client: Client,
    activities: Activities,
    task_queue: str = names.TASK_QUEUE,
    *,
    cached_workflows: int = 1000,
    dials_per_second: float = 1.0,
    version: WorkerDeploymentConfig | None = None,
) -> Workers:
    """The workers for all of the product.

    `cached_workflows` stay in memory between their steps; the others are replayed from history when they go on.
    `dials_per_second` spreads the outbound calls of all worker processes: Temporal hands them out, a waiting caller's
    rep before a callback. That no two come closer than the limit is for `ports.DialTurns` to see to.
    `version` as `version_of` says it.
    """
    dialling = Worker(
        client,
        task_queue=names.dial_task_queue(task_queue),
        activities=[activities.callback.dial_callback, activities.handoff.ring_rep],
        max_task_queue_activities_per_second=dials_per_second,
        deployment_config=version,
        graceful_shutdown_timeout=GRACE,
    )
    main = Worker(
        client,
        task_queue=task_queue,
        workflows=WORKFLOWS,
        activities=activities.methods,
        workflow_runner=workflow_runner(version),
        max_cached_workflows=cached_workflows,
        deployment_config=version,
        graceful_shutdown_timeout=GRACE,
    )
    return Workers(main, dialling)
