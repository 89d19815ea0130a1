"""A running carrier and a bridge for it, fresh for every test."""

from collections.abc import AsyncIterator

import pytest

from tests.simulators import phone_booth
from tests.simulators.tiny_bridge import TinyBridge, tiny_bridge

booth = pytest.fixture(phone_booth.booth)


@pytest.fixture
async def bridge() -> AsyncIterator[TinyBridge]:
    async with tiny_bridge() as running:
        yield running
