"""A callback is dialled once, whatever becomes of the carrier's answer: the real adapter, the simulated carrier."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from temporalio.testing import ActivityEnvironment

from activities.callback import CallbackActivities, CallbackRules
from firstline.adapters.twilio import TwilioTelephony
from firstline.domain.hours import Hours
from firstline.ports import CallbackDial, PortError
from tests.simulators.phone_booth import ACCOUNT_SID, CALLER, LINE, Booth
from tests.simulators.tiny_bridge import AUTH_TOKEN, TinyBridge

pytestmark = pytest.mark.integration

DIAL = CallbackDial("CA" + "a" * 32, CALLER, LINE)
LOST = {"prefix": "/2010-04-01", "status": 503, "after": True, "method": "POST"}


@pytest.fixture
async def activities(booth: Booth, bridge: TinyBridge) -> AsyncIterator[CallbackActivities]:
    telephony = TwilioTelephony(ACCOUNT_SID, AUTH_TOKEN, bridge.url, base_url=booth.url)
    bridge.answers["/twilio/voice"] = "<Response><Hangup/></Response>"
    await booth.person(CALLER, {"ring_ms": 0})
    yield CallbackActivities(telephony, CallbackRules(Hours(ZoneInfo("UTC")), frozenset({"US"})))
    await telephony.aclose()


def attempt(number: int, scheduled: datetime) -> ActivityEnvironment:
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, attempt=number, scheduled_time=scheduled)
    return environment


async def test_a_call_that_ended_before_its_lost_answer_was_missed_is_taken_over(
    booth: Booth, activities: CallbackActivities
) -> None:
    scheduled = datetime.now(UTC)
    await booth.post("/sim/faults", LOST)
    with pytest.raises(PortError):
        await attempt(1, scheduled).run(activities.dial_callback, DIAL)
    [placed] = (await booth.state())["calls"]
    await booth.whole(placed["sid"])

    taken_over = await attempt(2, scheduled).run(activities.dial_callback, DIAL)

    assert taken_over == placed["sid"]
    assert len((await booth.state())["calls"]) == 1


async def test_an_attempt_that_had_no_effect_is_made_again(booth: Booth, activities: CallbackActivities) -> None:
    scheduled = datetime.now(UTC)
    await booth.post("/sim/faults", LOST | {"after": False})
    with pytest.raises(PortError):
        await attempt(1, scheduled).run(activities.dial_callback, DIAL)

    dialled = await attempt(2, scheduled).run(activities.dial_callback, DIAL)

    assert [call["sid"] for call in (await booth.state())["calls"]] == [dialled]
