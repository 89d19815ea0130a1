"""Which calls have an open workflow, asked of Temporal's visibility."""

from collections.abc import Sequence
from dataclasses import dataclass

from temporalio.client import Client
from temporalio.service import RPCError

from firstline import names
from firstline.ports import PortError

_PREFIX = names.call_workflow_id("")
# A call with an outcome is over; its workflow may stay open for days to archive it.
_QUERY = f"WorkflowType = '{names.CALL_WORKFLOW}' AND ExecutionStatus = 'Running' AND Outcome IS NULL"


@dataclass(frozen=True)
class TemporalOpenCalls:
    """`ports_after_call.OpenCalls` over a Temporal client."""

    client: Client

    async def open_calls(self) -> Sequence[str]:
        """CallSids, in no order. Raises `PortError`."""
        try:
            return [found.id.removeprefix(_PREFIX) async for found in self.client.list_workflows(_QUERY)]
        except RPCError as error:
            raise PortError(f"the open workflows could not be listed: {error.status.name}") from error
