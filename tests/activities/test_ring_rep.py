"""Whose leg a rep is on decides what a repeated attempt to ring them does: the real adapter, the simulated carrier."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.handoff import REP_BUSY, HandoffActivities
from firstline.adapters.twilio import TwilioTelephony
from firstline.ports import PortError, RepCall
from tests.fakes.paging import FakePaging
from tests.simulators.phone_booth import ACCOUNT_SID, LINE, REP, Booth
from tests.simulators.tiny_bridge import AUTH_TOKEN, TinyBridge

pytestmark = pytest.mark.integration

CALL = RepCall("CA" + "a" * 32, REP, LINE, "A support call for you.")
OTHER = replace(CALL, call_sid="CA" + "b" * 32)


@pytest.fixture
async def activities(booth: Booth, bridge: TinyBridge) -> AsyncIterator[HandoffActivities]:
    telephony = TwilioTelephony(ACCOUNT_SID, AUTH_TOKEN, bridge.url, base_url=booth.url)
    await booth.person(REP, {"ring_ms": 60_000})
    yield HandoffActivities(FakePaging(), telephony, [REP], "")
    await telephony.aclose()


class Attempts:
    """One step after the other, with what the last one left behind."""

    def __init__(self) -> None:
        self.left: Sequence[object] = []
        self.number = 0

    async def make(self, activities: HandoffActivities, call: RepCall) -> str:
        self.number += 1
        environment = ActivityEnvironment()
        environment.info = replace(environment.info, attempt=self.number, heartbeat_details=list(self.left))

        def keep(*details: object) -> None:
            self.left = details

        environment.on_heartbeat = keep
        return await environment.run(activities.ring_rep, call)


async def test_a_leg_whose_answer_got_lost_is_taken_over(booth: Booth, activities: HandoffActivities) -> None:
    attempts = Attempts()
    await booth.post("/sim/faults", {"prefix": "/2010-04-01", "status": 503, "after": True, "method": "POST"})
    with pytest.raises(PortError):
        await attempts.make(activities, CALL)

    taken_over = await attempts.make(activities, CALL)

    assert [call["sid"] for call in (await booth.state())["calls"]] == [taken_over]


async def test_the_leg_of_another_caller_is_never_taken_over(booth: Booth, activities: HandoffActivities) -> None:
    """The first attempt failed before it dialled; meanwhile the rep was rung for somebody else."""
    attempts = Attempts()
    await booth.post("/sim/faults", {"prefix": "/2010-04-01", "status": 503, "method": "GET"})
    with pytest.raises(PortError):
        await attempts.make(activities, CALL)
    await Attempts().make(activities, OTHER)

    with pytest.raises(ApplicationError) as refused:
        await attempts.make(activities, CALL)

    assert refused.value.type == REP_BUSY
