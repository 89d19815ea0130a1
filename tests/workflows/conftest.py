"""A worker over a fake world, on the server whose time can be skipped."""

import uuid
from collections.abc import AsyncIterator

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.workflows.calls import activities_of
from tests.workflows.fakes import World
from tests.workflows.stage import Stage
from workers.worker import build_worker


@pytest.fixture
async def stage(skipping_server: WorkflowEnvironment) -> AsyncIterator[Stage]:
    """A worker of its own for each test."""
    stage = Stage(skipping_server, World(), f"test-{uuid.uuid4().hex}")
    async with build_worker(skipping_server.client, activities_of(stage.world), stage.task_queue):
        yield stage
