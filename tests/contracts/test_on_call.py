"""What every `ports.OnCall` does, and what PagerDuty can do wrong."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from firstline.adapters.pagerduty_on_call import PagerDutyOnCall
from firstline.ports import OnCall, PortError, Rejected
from firstline.settings import LOCAL_PAGERDUTY_API_KEY
from firstline.simulators.pagerduty_people import POLICY, SCHEDULE
from tests.fakes.on_call import FakeOnCall
from tests.simulators.phone_booth import Booth
from tests.simulators.published import Published

ADA, BEN, CLEO = "+15550100301", "+15550100302", "+15550100303"
AN_HOUR_AGO = datetime.now(UTC) - timedelta(hours=1)


def pagerduty(booth: Booth, key: str = LOCAL_PAGERDUTY_API_KEY, **where: str) -> PagerDutyOnCall:
    return PagerDutyOnCall(key, base_url=f"{booth.url}/pagerduty", **(where or {"policy_id": POLICY}))


async def roster(booth: Booth, *people: dict[str, Any]) -> None:
    (await booth.http.put("/sim/on-call", json=list(people))).raise_for_status()


def person(level: int, name: str, *phones: str, **more: Any) -> dict[str, Any]:
    return {"level": level, "name": name, "phones": list(phones), **more}


@pytest.fixture(params=["fake", "pagerduty"])
async def on_call(request: pytest.FixtureRequest, booth: Booth) -> AsyncIterator[OnCall]:
    """Ada before Ben; Cleo's shift is over."""
    if request.param == "fake":
        yield FakeOnCall.of(ADA, BEN, lately=[CLEO])
        return
    await roster(
        booth,
        person(2, "Ben", BEN),
        person(3, "Cleo", CLEO, off_call=True),
        person(1, "Ada", ADA),
        person(2, "Ada", ADA),
    )
    found = pagerduty(booth)
    yield found
    await found.aclose()


class TestOnCall:
    async def test_names_everybody_once_in_order_of_escalation(self, on_call: OnCall) -> None:
        assert list(await on_call.numbers()) == [ADA, BEN]

    async def test_remembers_whose_shift_has_ended(self, on_call: OnCall) -> None:
        assert set(await on_call.numbers(AN_HOUR_AGO)) == {ADA, BEN, CLEO}


class TestPagerDuty:
    async def test_leaves_out_who_has_no_phone_and_takes_the_first_of_two(self, booth: Booth) -> None:
        await roster(booth, person(1, "Dan"), person(2, "Ada", ADA, BEN))
        on_call = pagerduty(booth)

        assert await on_call.numbers() == [ADA]
        await on_call.aclose()

    @pytest.mark.parametrize(
        ("where", "found"),
        [({"schedule_id": SCHEDULE}, [ADA]), ({"policy_id": "PELSE"}, []), ({"schedule_id": "P"}, [])],
    )
    async def test_is_asked_for_one_policy_or_schedule(
        self, booth: Booth, where: dict[str, str], found: list[str]
    ) -> None:
        await roster(booth, person(1, "Ada", ADA))
        on_call = pagerduty(booth, **where)

        assert await on_call.numbers() == found
        await on_call.aclose()

    @pytest.mark.parametrize("status", [429, 500])
    async def test_in_trouble_is_worth_a_retry_but_not_its_own(self, booth: Booth, status: int) -> None:
        await booth.post("/sim/faults", {"prefix": "/pagerduty/oncalls", "status": status})
        on_call = pagerduty(booth)

        with pytest.raises(PortError, match=str(status)) as caught:
            await on_call.numbers()

        assert not isinstance(caught.value, Rejected)
        await on_call.aclose()

    async def test_that_does_not_know_the_key_says_so(self, booth: Booth) -> None:
        on_call = pagerduty(booth, "wrong")

        with pytest.raises(Rejected, match="401"):
            await on_call.numbers()
        await on_call.aclose()

    async def test_that_is_not_there_is_worth_a_retry(self) -> None:
        on_call = PagerDutyOnCall("key", POLICY, base_url="http://127.0.0.1:1")

        with pytest.raises(PortError, match="could not be reached"):
            await on_call.numbers()
        await on_call.aclose()

    def test_in_the_clear_is_refused(self) -> None:
        with pytest.raises(Rejected, match=r"PAGERDUTY_API_URL .* must begin with https://"):
            PagerDutyOnCall("key", POLICY, base_url="http://api.pagerduty.example")


class TestPublishedShapes:
    async def test_of_on_calls_and_contact_methods(self, booth: Booth) -> None:
        spec = Published("pagerduty_rest.json")
        await roster(booth, person(1, "Ada", ADA))
        headers = {"Authorization": f"Token token={LOCAL_PAGERDUTY_API_KEY}"}

        on_calls = (await booth.http.get("/pagerduty/oncalls", headers=headers)).json()
        methods = (await booth.http.get("/pagerduty/users/PUSER0/contact_methods", headers=headers)).json()
        refused = (await booth.http.get("/pagerduty/oncalls")).json()

        spec.check(on_calls, spec.response("/oncalls", "get", "200"))
        spec.check(methods, spec.response("/users/{id}/contact_methods", "get", "200"))
        spec.check(refused, spec.response("/oncalls", "get", "401"))
