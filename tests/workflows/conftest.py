"""A worker over a fake world, on the server whose time can be skipped."""

from collections.abc import AsyncIterator

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.workflows.stage import Stage, on_stage


@pytest.fixture
async def stage(skipping_server: WorkflowEnvironment) -> AsyncIterator[Stage]:
    """A worker of its own for each test."""
    async with on_stage(skipping_server) as stage:
        yield stage
