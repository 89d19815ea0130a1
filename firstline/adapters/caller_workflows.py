"""What Temporal remembers of a caller: found by search attribute, deleted with its history."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from firstline import names
from firstline.domain.call import CALL_SID, E164
from firstline.domain.retention import KeptCall
from firstline.ports import PortError, Rejected


@dataclass(frozen=True)
class TemporalCallerWorkflows:
    """`ports_after_call.CallerWorkflows` over a Temporal client. What can be listed lags seconds behind what is."""

    client: Client

    async def calls_of(self, phone: str) -> Sequence[KeptCall]:
        """By the day on which the workflow began, which is the day on which the call rang. Raises `PortError`."""
        query = f"{_of(phone)} AND WorkflowType = '{names.CALL_WORKFLOW}'"
        with _as_port_error():
            return [
                KeptCall(_call_sid(found.id), f"{found.start_time:%Y-%m-%d}")
                async for found in self.client.list_workflows(query)
            ]

    async def forget_caller(self, phone: str, kept: Collection[str]) -> tuple[int, list[str]]:
        """Calls, handoffs and callbacks alike. Raises `PortError`."""
        deleted, running = 0, []
        with _as_port_error():
            async for found in self.client.list_workflows(_of(phone)):
                if found.status is WorkflowExecutionStatus.RUNNING:
                    running.append(found.id)
                elif _call_sid(found.id) not in kept:
                    deleted += await self._delete(found.id, found.run_id)
        return deleted, running

    async def _delete(self, workflow_id: str, run_id: str) -> bool:
        """Whether it was still there."""
        execution = WorkflowExecution(workflow_id=workflow_id, run_id=run_id)
        asked = DeleteWorkflowExecutionRequest(namespace=self.client.namespace, workflow_execution=execution)
        try:
            await self.client.workflow_service.delete_workflow_execution(asked)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False
        return True


def _of(phone: str) -> str:
    # The query has no parameters: what is not a number must not become a part of it.
    if not E164.match(phone):
        raise Rejected("the phone number is not in international format, like +15551234567")
    return f"CallerNumber = '{phone}'"


def _call_sid(workflow_id: str) -> str:
    """`call-CA1…`, `handoff-CA1…` and `callback-CA1…` belong to the same call."""
    last = workflow_id.rpartition("-")[2]
    return last if CALL_SID.match(last) else workflow_id


@contextmanager
def _as_port_error() -> Iterator[None]:
    try:
        yield
    except RPCError as error:
        raise PortError(f"Temporal did not answer: {error.status.name}") from error
