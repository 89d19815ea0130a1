"""What every `ports_after_call.Tickets` does, and what only Jira can do wrong."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from firstline.adapters.jira import JiraTickets
from firstline.ports import PortError, Rejected
from firstline.ports_after_call import TicketDraft, Tickets
from firstline.settings import LOCAL_JIRA_EMAIL, LOCAL_JIRA_TOKEN
from tests.fakes.tickets import FakeTickets
from tests.simulators.phone_booth import Booth

DRAFT = TicketDraft("low confidence: flagged 9 times", ["Nine times.", "CA1 turn 3"], ["firstline", "low-2026-W47"])


@dataclass
class World:
    """A tracker and what is in it."""

    tickets: Tickets
    booth: Booth | None

    async def labels(self) -> list[list[str]]:
        """Of every ticket, in the order of opening."""
        if isinstance(self.tickets, FakeTickets):
            return [draft.labels for draft in self.tickets.opened.values()]
        assert self.booth is not None
        return [ticket["labels"] for ticket in (await self.booth.http.get("/sim/tickets")).json()["tickets"]]


def jira(booth: Booth, token: str = LOCAL_JIRA_TOKEN) -> JiraTickets:
    return JiraTickets(f"{booth.url}/jira", LOCAL_JIRA_EMAIL, token, "SUP")


@pytest.fixture(params=["fake", "jira"])
async def world(request: pytest.FixtureRequest, booth: Booth) -> AsyncIterator[World]:
    if request.param == "fake":
        yield World(FakeTickets(), None)
        return
    tickets = jira(booth)
    yield World(tickets, booth)
    await tickets.aclose()


class TestTickets:
    async def test_are_found_by_a_label_and_by_no_other(self, world: World) -> None:
        opened = await world.tickets.open(DRAFT)

        assert opened.key == "SUP-1"
        assert opened.link.endswith("/browse/SUP-1")
        assert await world.tickets.find("low-2026-W47") == opened
        assert await world.tickets.find("low-2026-W48") is None

    async def test_with_the_same_label_are_found_newest_first(self, world: World) -> None:
        await world.tickets.open(DRAFT)
        newer = await world.tickets.open(DRAFT)

        assert await world.tickets.find("firstline") == newer

    async def test_are_labelled_once_however_often(self, world: World) -> None:
        opened = await world.tickets.open(DRAFT)

        for _ in range(2):
            await world.tickets.add_label(opened.key, "fell-2026-W48")

        assert await world.labels() == [["firstline", "low-2026-W47", "fell-2026-W48"]]

    async def test_that_nobody_opened_cannot_be_labelled(self, world: World) -> None:
        with pytest.raises(Rejected):
            await world.tickets.add_label("SUP-99", "fell")

    async def test_refuse_a_label_with_spaces(self, world: World) -> None:
        with pytest.raises(Rejected, match="spaces"):
            await world.tickets.open(replace(DRAFT, labels=["two words"]))


class TestJira:
    async def test_is_told_the_summary_cut_and_the_places_as_a_document(self, booth: Booth) -> None:
        tickets = jira(booth)

        await tickets.open(replace(DRAFT, summary="s" * 300))
        await tickets.aclose()

        shown = (await booth.http.get("/sim/tickets")).json()["tickets"][0]
        assert shown["summary"] == "s" * 255
        assert [p["content"][0]["text"] for p in shown["description"]["content"]] == DRAFT.paragraphs

    @pytest.mark.parametrize("status", [429, 503])
    async def test_in_trouble_is_worth_a_retry(self, booth: Booth, status: int) -> None:
        await booth.post("/sim/faults", {"prefix": "/jira", "status": status})
        tickets = jira(booth)

        with pytest.raises(PortError, match=str(status)) as caught:
            await tickets.open(DRAFT)
        await tickets.aclose()

        assert not isinstance(caught.value, Rejected)

    async def test_that_does_not_know_us_says_so(self, booth: Booth) -> None:
        tickets = jira(booth, "wrong")

        with pytest.raises(Rejected, match="not authenticated"):
            await tickets.find("x")
        await tickets.aclose()

    async def test_that_is_not_there_is_worth_a_retry(self) -> None:
        tickets = JiraTickets("http://127.0.0.1:1", "a@b.example", "token", "SUP")

        with pytest.raises(PortError, match="could not be reached"):
            await tickets.find("x")
        await tickets.aclose()

    def test_is_refused_with_half_its_settings_or_in_the_clear(self) -> None:
        with pytest.raises(Rejected, match="JIRA_EMAIL and JIRA_API_TOKEN"):
            JiraTickets("https://x.example", "", "", "SUP")
        with pytest.raises(Rejected, match="https://"):
            JiraTickets("http://x.example", "a@b.example", "token", "SUP")
