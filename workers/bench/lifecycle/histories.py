"""What Temporal wrote down: which promises were made, how calls closed, and what it would bill.

Billable actions by https://docs.temporal.io/cloud/actions: a workflow started (child workflows too), a timer, a signal
(from a client or a workflow), an update, a query, an upsert of search attributes, an activity started or retried, and
the local activities of one workflow task together. Left out because no history shows them: queries (counted at the
bridges instead, two for a call that is resumed) and the schedules, which do not grow with calls.
"""

from dataclasses import dataclass, field

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowExecutionStatus

from firstline import names
from firstline.domain.call_state import CallClosed, CallView

PROMISING = f"WorkflowType IN ('{names.CALL_WORKFLOW}', '{names.HANDOFF_WORKFLOW}', '{names.CALLBACK_WORKFLOW}')"
RECONCILER = "orphan-reconciler"
"""The schedule, and how the ids of its workflows begin."""
_LOCAL_ACTIVITY = "core_local_activity"
_BILLED = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
    EventType.EVENT_TYPE_TIMER_STARTED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
    EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
}


@dataclass
class Execution:
    """One workflow, from its history."""

    id: str
    type: str
    open: bool
    events: int = 0
    actions: int = 0
    started_at: float = 0.0
    """Unix time."""
    promised: set[str] = field(default_factory=set)
    """Names of the updates that it granted."""
    outcome: str = ""
    """Of a call that closed."""
    reconciled: bool = False
    """Nobody told its end: the reconciler found out."""
    duplicates: int = 0
    """Facts that reached it more than once and were learnt once."""


def weigh(events: "list[HistoryEvent]") -> int:
    """Billable actions in a history."""
    total, local = 0, set()
    for event in events:
        kind = event.event_type
        if kind in _BILLED:
            total += 1
        elif kind == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
            total += event.activity_task_started_event_attributes.attempt
        elif kind == EventType.EVENT_TYPE_MARKER_RECORDED:
            marker = event.marker_recorded_event_attributes
            if marker.marker_name == _LOCAL_ACTIVITY:
                local.add(marker.workflow_task_completed_event_id)
    return total + len(local)


def granted(events: "list[HistoryEvent]") -> set[str]:
    """Names of the updates that ended well."""
    asked: dict[int, str] = {}
    well: set[str] = set()
    for event in events:
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
            accepted = event.workflow_execution_update_accepted_event_attributes
            asked[event.event_id] = accepted.accepted_request.input.name
        elif event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED:
            completed = event.workflow_execution_update_completed_event_attributes
            if completed.outcome.HasField("success"):
                well.add(asked[completed.accepted_event_id])
    return well


def _from_reconciler(event: HistoryEvent) -> bool:
    signalled = event.workflow_execution_signaled_event_attributes
    return signalled.external_workflow_execution.workflow_id.startswith(RECONCILER)


async def still_open(client: Client) -> int:
    """Promising workflows that are not over."""
    return (await client.count_workflows(f"{PROMISING} AND ExecutionStatus = 'Running'")).count


async def read(client: Client) -> dict[str, list[Execution]]:
    """Workflow id -> its executions, of which there should be one."""
    found: dict[str, list[Execution]] = {}
    async for listed in client.list_workflows(PROMISING):
        handle = client.get_workflow_handle(listed.id, run_id=listed.run_id, result_type=CallClosed)
        events = [event async for event in handle.fetch_history_events()]
        execution = Execution(
            listed.id,
            listed.workflow_type,
            listed.status is WorkflowExecutionStatus.RUNNING,
            events=len(events),
            actions=weigh(events),
            started_at=listed.start_time.timestamp(),
            promised=granted(events),
            reconciled=any(_from_reconciler(event) for event in events),
        )
        if listed.workflow_type == names.CALL_WORKFLOW and listed.status is WorkflowExecutionStatus.COMPLETED:
            execution.outcome = (await handle.result()).outcome.value
            view = await handle.query(names.STATE_QUERY, result_type=CallView)
            execution.duplicates = view.duplicates
        found.setdefault(listed.id, []).append(execution)
    return found
