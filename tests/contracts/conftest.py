"""The room's fixtures."""

from collections.abc import AsyncIterator

import pytest

from tests.contracts.telephony_worlds import FakeTelephonyWorld, TelephonyWorld, TwilioWorld
from tests.simulators.phone_booth import Booth
from tests.simulators.tiny_bridge import TinyBridge


@pytest.fixture(params=["fake", "twilio"])
async def world(request: pytest.FixtureRequest, booth: Booth, bridge: TinyBridge) -> AsyncIterator[TelephonyWorld]:
    """A carrier, once a fake and once the simulated Twilio behind the real adapter."""
    if request.param == "fake":
        yield FakeTelephonyWorld()
        return
    world = TwilioWorld(booth, bridge)
    yield world
    await world.telephony.aclose()
