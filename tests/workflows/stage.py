"""A running worker, the fake world it acts on, and what a test does with them."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from temporalio.api.testservice.v1 import LockTimeSkippingRequest, UnlockTimeSkippingRequest
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from firstline.domain.call import CallStarted
from firstline.domain.call_state import CallClosed, begun
from firstline.domain.callback import CallbackInput, CallbackResult
from firstline.domain.facts import Fact
from firstline.domain.handoff import HandoffInput, HandoffResult
from firstline.names import call_workflow_id, callback_workflow_id, handoff_workflow_id
from tests.workflows.calls import activities_of, started
from tests.workflows.fakes import World
from workers.worker import build_worker
from workflows.call import CallWorkflow
from workflows.callback import CallbackWorkflow
from workflows.handoff import HandoffWorkflow


@dataclass
class Stage:
    """A running worker and the world it acts on."""

    server: WorkflowEnvironment
    world: World
    task_queue: str

    async def call(self, start: CallStarted, *facts: Fact) -> WorkflowHandle[CallWorkflow, CallClosed]:
        """A running call that has learnt these facts."""
        self.world.telephony.ring_in(start)
        return await self.server.client.start_workflow(
            CallWorkflow.run,
            begun(start),
            id=call_workflow_id(start.call_sid),
            task_queue=self.task_queue,
            start_signal="facts",
            start_signal_args=[list(facts)],
        )

    async def handoff(self, handoff: HandoffInput) -> WorkflowHandle[HandoffWorkflow, HandoffResult]:
        """A running handoff without a call's workflow above it."""
        self.world.telephony.ring_in(started(handoff.request.call_sid))
        return await self.server.client.start_workflow(
            HandoffWorkflow.run,
            handoff,
            id=handoff_workflow_id(handoff.request.call_sid),
            task_queue=self.task_queue,
        )

    async def callback(self, promise: CallbackInput) -> WorkflowHandle[CallbackWorkflow, CallbackResult]:
        """A running callback without a call's workflow above it."""
        return await self.server.client.start_workflow(
            CallbackWorkflow.run,
            promise,
            id=callback_workflow_id(promise.request.call_sid),
            task_queue=self.task_queue,
        )

    def of(self, workflow_id: str) -> WorkflowHandle[Any, Any]:
        """A workflow by its guessable id."""
        return self.server.client.get_workflow_handle(workflow_id)

    async def took(self, workflow: WorkflowHandle[Any, Any]) -> timedelta:
        """How long a finished workflow ran, in its own skipped time."""
        description = await workflow.describe()
        assert description.close_time is not None
        return description.close_time - description.start_time

    async def skip_to(self, moment: datetime) -> None:
        """Let the server's time pass until then."""
        await self.server.sleep(moment - await self.server.get_current_time())

    async def result_of(self, workflow_id: str) -> Any:
        """What a workflow returns that the test did not start itself; time is skipped meanwhile."""
        test_service = self.server.client.test_service
        await test_service.unlock_time_skipping(UnlockTimeSkippingRequest())
        try:
            return await self.of(workflow_id).result()
        finally:
            await test_service.lock_time_skipping(LockTimeSkippingRequest())


@asynccontextmanager
async def on_stage(
    server: WorkflowEnvironment, world: World | None = None, task_queue: str = ""
) -> AsyncIterator[Stage]:
    """A worker over a fake world for the length of the block, by itself on a task queue of its own."""
    stage = Stage(server, world or World(), task_queue or f"test-{uuid.uuid4().hex}")
    async with build_worker(server.client, activities_of(stage.world), stage.task_queue):
        yield stage
