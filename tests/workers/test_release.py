"""A new version of the workers takes the work when it is released, and what an old one promised is kept."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from firstline.adapters.deployment import Routing, WorkerVersions
from firstline.adapters.temporal import TemporalCallControl
from firstline.domain.call import Outcome
from firstline.domain.callback import CallbackBooked
from firstline.names import call_workflow_id
from firstline.ports import Rejected
from tests.workflows.calls import activities_of, answered_turn, call_me, started, stream_ended, talking
from tests.workflows.fakes import World
from tests.workflows.stage import Stage
from workers.worker import build_worker, version_of

DEADLINE = 10.0


class Deployment:
    """Versioned workers on a task queue of their own."""

    def __init__(self, server: WorkflowEnvironment) -> None:
        self.name = f"release-{uuid.uuid4().hex}"
        self.stage = Stage(server, World(), self.name)
        self.versions = WorkerVersions(server.client, self.name)
        self.control = TemporalCallControl(server.client, self.name)
        self._stack = AsyncExitStack()
        self._open: set[str] = set()

    async def start(self, build_id: str) -> None:
        """A worker of this version, which does not take work yet."""
        version = version_of(build_id, self.name)
        client, activities = self.stage.server.client, activities_of(self.stage.world)
        await self._stack.enter_async_context(build_worker(client, activities, self.name, version=version))

    async def release(self, build_id: str, percent: float = 100) -> Routing:
        """As soon as Temporal has seen the worker."""
        return await eventually(lambda: self.versions.release(build_id, percent))

    async def stop(self) -> None:
        """The workers, and what is still open."""
        for workflow_id in self._open:
            await self.stage.of(workflow_id).terminate()
        await self._stack.aclose()

    async def ring(self) -> str:
        """A new call; its workflow's id."""
        start = started()
        await self.control.deliver(start, talking(start))
        await self.control.resume_context(start.call_sid, DEADLINE)
        self._open.add(call_workflow_id(start.call_sid))
        return call_workflow_id(start.call_sid)

    async def move(self, booked: CallbackBooked, at: datetime) -> str:
        """Another step for a callback."""
        request = call_me(started(booked.callback_id.removeprefix("callback-")), at + timedelta(days=1))
        await self.control.move_callback(booked.callback_id, request)
        self._open.add(booked.callback_id)
        return booked.callback_id

    async def until_on(self, build_id: str, step: Callable[[], Awaitable[str]]) -> None:
        """Repeat the step until its workflow runs on this version: a release reaches every queue a moment later."""
        async with asyncio.timeout(20):
            while await self.runs_on(await step()) != build_id:
                continue

    async def runs_on(self, workflow_id: str) -> str:
        """Build id of the version that carries a workflow."""
        handle: WorkflowHandle[Any, Any] = self.stage.of(workflow_id)
        info = (await handle.describe()).raw_description.workflow_execution_info.versioning_info
        return info.deployment_version.build_id


async def eventually(ask: Callable[[], Awaitable[Routing]]) -> Routing:
    async with asyncio.timeout(20):
        while True:
            try:
                return await ask()
            except Rejected:
                await asyncio.sleep(0.05)


@pytest.fixture
async def deployment(dev_server: WorkflowEnvironment) -> AsyncIterator[Deployment]:
    deployment = Deployment(dev_server)
    yield deployment
    await deployment.stop()


class TestARelease:
    async def test_sends_new_work_to_the_new_version_and_lets_calls_end_on_the_old_one(
        self, deployment: Deployment
    ) -> None:
        open_call = started()
        await deployment.start("1")
        await deployment.release("1")
        await deployment.control.deliver(open_call, [*talking(open_call), answered_turn(open_call)])
        at = datetime.now(UTC) + timedelta(days=2)
        booked = await deployment.control.request_callback(open_call, call_me(open_call, at), DEADLINE)

        await deployment.start("2")
        routing = await deployment.release("2")
        await deployment.until_on("2", deployment.ring)
        await deployment.until_on("2", lambda: deployment.move(booked, at))
        await deployment.control.deliver(open_call, [stream_ended(open_call, "goodbye")])
        closed = await deployment.stage.of(call_workflow_id(open_call.call_sid)).result()

        assert routing == Routing("2", "", 0.0)
        assert closed["outcome"] == Outcome.CALLBACK
        assert await deployment.runs_on(call_workflow_id(open_call.call_sid)) == "1"

    async def test_may_be_tried_on_a_share_of_the_work(self, deployment: Deployment) -> None:
        await deployment.start("2")

        tried = await deployment.release("2", 25)
        taken_back = await deployment.release("2", 0)

        assert (tried, taken_back) == (Routing("", "2", 25.0), Routing("", "", 0.0))

    async def test_of_a_version_that_no_worker_has_is_refused_in_a_line(self, deployment: Deployment) -> None:
        with pytest.raises(Rejected, match=r"version .9. cannot take work.*FIRSTLINE_BUILD_ID=9"):
            await deployment.versions.release("9")


def test_workers_without_a_build_id_have_no_version() -> None:
    assert version_of("") is None
