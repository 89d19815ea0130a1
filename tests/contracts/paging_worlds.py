"""Where a page goes, for each implementation of `ports.Paging`."""

from typing import Protocol

from firstline.adapters.pagerduty import PagerDutyPaging
from firstline.ports import Paging
from tests.fakes.paging import FakePaging
from tests.simulators.phone_booth import ROUTING_KEY, Booth


class PagingWorld(Protocol):
    """A paging and what a person on call sees of it."""

    @property
    def paging(self) -> Paging: ...

    async def open_summaries(self) -> dict[str, str]:
        """Dedup key -> summary of the incidents that are not resolved."""
        ...


class FakePagingWorld:
    def __init__(self) -> None:
        self.paging = FakePaging()

    async def open_summaries(self) -> dict[str, str]:
        return {key: page.summary[:1024] for key, page in self.paging.open.items()}


class PagerDutyWorld:
    def __init__(self, booth: Booth) -> None:
        self.paging = PagerDutyPaging(ROUTING_KEY, f"{booth.url}/pagerduty")
        self._booth = booth

    async def open_summaries(self) -> dict[str, str]:
        incidents = (await self._booth.http.get("/sim/incidents")).json()["incidents"]
        return {i["dedup_key"]: i["summary"] for i in incidents if i["status"] != "resolved"}
