"""What every `ports.Paging` does, and what only the real one can do wrong."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from firstline.adapters.pagerduty import PagerDutyPaging
from firstline.ports import Page, PortError, Rejected
from tests.contracts.paging_worlds import FakePagingWorld, PagerDutyWorld, PagingWorld
from tests.simulators.phone_booth import ROUTING_KEY, Booth

pytestmark = pytest.mark.integration

PAGE = Page(
    dedup_key="handoff-CA1",
    summary="A caller asks for a person",
    source="firstline",
    link="https://console.test/calls/CA1",
    details={"language": "en"},
)


@pytest.fixture(params=["fake", "pagerduty"])
async def world(request: pytest.FixtureRequest, booth: Booth) -> AsyncIterator[PagingWorld]:
    if request.param == "fake":
        yield FakePagingWorld()
        return
    world = PagerDutyWorld(booth)
    yield world
    await world.paging.aclose()


class TestPaging:
    async def test_opens_an_incident(self, world: PagingWorld) -> None:
        await world.paging.trigger(PAGE)

        assert await world.open_summaries() == {"handoff-CA1": "A caller asks for a person"}

    async def test_twice_is_one_incident(self, world: PagingWorld) -> None:
        await world.paging.trigger(PAGE)
        await world.paging.trigger(replace(PAGE, summary="again"))

        assert await world.open_summaries() == {"handoff-CA1": "A caller asks for a person"}

    async def test_resolving_closes_it(self, world: PagingWorld) -> None:
        await world.paging.trigger(PAGE)
        await world.paging.resolve(PAGE.dedup_key)

        assert await world.open_summaries() == {}

    async def test_resolving_twice_or_the_unknown_is_harmless(self, world: PagingWorld) -> None:
        await world.paging.trigger(PAGE)
        for key in (PAGE.dedup_key, PAGE.dedup_key, "never opened"):
            await world.paging.resolve(key)

        assert await world.open_summaries() == {}

    async def test_cuts_a_long_summary(self, world: PagingWorld) -> None:
        await world.paging.trigger(replace(PAGE, summary="s" * 2000))

        assert await world.open_summaries() == {"handoff-CA1": "s" * 1024}

    async def test_a_key_that_is_too_long_is_rejected(self, world: PagingWorld) -> None:
        with pytest.raises(Rejected):
            await world.paging.trigger(replace(PAGE, dedup_key="k" * 256))


class TestPagerDuty:
    @pytest.fixture
    async def paging(self, booth: Booth) -> AsyncIterator[PagerDutyPaging]:
        paging = PagerDutyPaging(ROUTING_KEY, f"{booth.url}/pagerduty")
        yield paging
        await paging.aclose()

    async def test_carries_the_link_and_the_details(self, booth: Booth, paging: PagerDutyPaging) -> None:
        await paging.trigger(PAGE)

        incident = (await booth.http.get("/sim/incidents")).json()["incidents"][0]
        assert incident["links"] == [{"href": PAGE.link, "text": "Transcript and evidence"}]
        assert incident["custom_details"] == {"language": "en"}

    @pytest.mark.parametrize("status", [429, 500, 503])
    async def test_trouble_is_worth_a_retry_but_not_its_own(
        self, booth: Booth, paging: PagerDutyPaging, status: int
    ) -> None:
        """One request, one error: with the SDK's own retries the second request would have gone through."""
        await booth.post("/sim/faults", {"prefix": "/pagerduty", "status": status})

        with pytest.raises(PortError, match=str(status)) as caught:
            await paging.trigger(PAGE)

        assert not isinstance(caught.value, Rejected)
        assert (await booth.http.get("/sim/incidents")).json()["incidents"] == []

    async def test_the_pause_that_was_asked_for_is_told(self, booth: Booth, paging: PagerDutyPaging) -> None:
        await booth.post("/sim/faults", {"prefix": "/pagerduty", "status": 429, "headers": {"Retry-After": "9"}})

        with pytest.raises(PortError) as caught:
            await paging.trigger(PAGE)

        assert caught.value.retry_after == 9

    async def test_a_wrong_routing_key_is_rejected_with_the_reason(self, booth: Booth) -> None:
        paging = PagerDutyPaging("wrong", f"{booth.url}/pagerduty")

        with pytest.raises(Rejected, match="routing_key"):
            await paging.trigger(PAGE)
        await paging.aclose()

    async def test_nobody_there_is_worth_a_retry(self) -> None:
        paging = PagerDutyPaging(ROUTING_KEY, "http://127.0.0.1:1")

        with pytest.raises(PortError, match="could not be reached"):
            await paging.trigger(PAGE)
        await paging.aclose()
