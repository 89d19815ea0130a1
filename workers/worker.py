"""The worker: runs every workflow and every activity."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.archive import TraceActivities
from activities.callback import CallbackActivities
from activities.handoff import HandoffActivities
from activities.prefetch import PrefetchActivities
from firstline import names
from workflows.call import CallWorkflow
from workflows.callback import CallbackWorkflow
from workflows.handoff import HandoffWorkflow

WORKFLOWS = (CallWorkflow, HandoffWorkflow, CallbackWorkflow)
GRACE = timedelta(seconds=10)
"""For activities that run when the worker is told to stop; later they are cancelled and retried elsewhere."""


@dataclass(frozen=True)
class Activities:
    """Every activity class, bound to its adapters."""

    handoff: HandoffActivities
    callback: CallbackActivities
    trace: TraceActivities
    prefetch: PrefetchActivities

    @property
    def methods(self) -> list[Callable[..., Any]]:
        """Every activity of every class."""
        groups = [getattr(self, group.name) for group in fields(self)]
        bound = [getattr(group, name) for group in groups for name in vars(type(group))]
        return [method for method in bound if hasattr(method, "__temporal_activity_definition")]


def workflow_runner() -> SandboxedWorkflowRunner:
    """The sandbox; what is pure or never runs inside a workflow is loaded once for all of them."""
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules("firstline", "activities")
    )


def build_worker(
    client: Client, activities: Activities, task_queue: str = names.TASK_QUEUE, *, cached_workflows: int = 1000
) -> Worker:
    """A worker for all of the product; run it with `await worker.run()`, stop it with `await worker.shutdown()`.

    `cached_workflows` stay in memory between their steps; the others are replayed from history when they go on.
    """
    return Worker(
        client,
        task_queue=task_queue,
        workflows=WORKFLOWS,
        activities=activities.methods,
        workflow_runner=workflow_runner(),
        max_cached_workflows=cached_workflows,
        graceful_shutdown_timeout=GRACE,
    )
