"""A call's workflow that runs, as a test talks to it."""

from typing import Any

import pytest
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from firstline.domain.call import CallStarted
from firstline.domain.call_state import CallClosed
from firstline.domain.callback import CallbackBooked, CallbackRequest
from firstline.domain.facts import Fact, FactKind
from tests.workflows.calls import (
    answered_turn,
    fact,
    talking,
    wants_person,
)
from tests.workflows.stage import Stage
from workflows.call import CallWorkflow

Call = WorkflowHandle[CallWorkflow, CallClosed]


async def learn(call: Call, *facts: Fact) -> None:
    """Deliver facts to a running call."""
    await call.signal(CallWorkflow.facts, list(facts))


async def handed_off(stage: Stage, start: CallStarted) -> Call:
    """A call whose caller waits in the conference while the first rep is rung."""
    call = await stage.call(start, *talking(start), answered_turn(start))
    await call.execute_update(CallWorkflow.handoff, wants_person(start))
    await learn(call, fact(start, "farewell", FactKind.FAREWELL_PLAYED, 30))
    await stage.world.telephony.until(lambda: len(stage.world.telephony.rung) == 1)
    return call


async def book(call: Call, request: CallbackRequest) -> CallbackBooked:
    """Ask for a callback that is granted."""
    booked: CallbackBooked = await call.execute_update("callback", request, result_type=CallbackBooked)
    return booked


async def refusal(call: Call, update: Any, request: object) -> str:
    """The line with which the workflow refuses this update."""
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await call.execute_update(update, request)
    assert isinstance(refused.value.cause, ApplicationError)
    return refused.value.cause.message
