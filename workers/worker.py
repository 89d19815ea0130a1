"""The worker: runs every workflow and every activity."""

from dataclasses import dataclass
from datetime import timedelta

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
    handoff, trace = activities.handoff, activities.trace
    return Worker(
        client,
        task_queue=task_queue,
        workflows=WORKFLOWS,
        activities=[
            handoff.page_on_call,
            handoff.resolve_page,
            handoff.reps_on_call,
            handoff.move_to_conference,
            handoff.move_to_failsafe,
            handoff.ring_rep,
            handoff.hang_up,
            activities.callback.dial_callback,
            trace.archive_trace,
            trace.project_call,
            activities.prefetch.prefetch_languages,
        ],
        workflow_runner=workflow_runner(),
        max_cached_workflows=cached_workflows,
        graceful_shutdown_timeout=GRACE,
    )
