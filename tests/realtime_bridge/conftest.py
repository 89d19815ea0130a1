"""The room's fixtures."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.realtime_bridge.carrier import Carrier
from tests.realtime_bridge.scripted_model import scripted_model
from tests.realtime_bridge.stage import Stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A running bridge and its scripted model."""
    async with scripted_model() as model:
        stage = Stage(tmp_path, model)
        async with stage.bridge.running(), stage.http:
            yield stage


@pytest.fixture
async def carrier(tmp_path: Path) -> AsyncIterator[Carrier]:
    """The webhooks alone."""
    carrier = Carrier(tmp_path / "spool.sqlite")
    yield carrier
    await carrier.http.aclose()
    await carrier.spool.close()
