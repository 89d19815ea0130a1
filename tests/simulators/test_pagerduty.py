"""PagerDuty's Events API: driven by its own SDK, and held against its published description."""

from typing import Any

import pytest

from tests.simulators.phone_booth import ROUTING_KEY, Booth
from tests.simulators.published import Published

pytestmark = pytest.mark.integration

PAYLOAD = {"summary": "A caller asks for a person", "source": "firstline", "severity": "error"}


async def send(booth: Booth, **changes: Any) -> Any:
    """An event; a change to None leaves the field out."""
    event = {"routing_key": ROUTING_KEY, "event_action": "trigger", "dedup_key": "k", "payload": PAYLOAD} | changes
    body = {key: value for key, value in event.items() if value is not None}
    return await booth.http.post("/pagerduty/v2/enqueue", json=body)


async def incidents(booth: Booth) -> Any:
    return (await booth.http.get("/sim/incidents")).json()["incidents"]


class TestIncidents:
    async def test_one_dedup_key_is_one_incident(self, booth: Booth) -> None:
        for _ in range(3):
            await send(booth)

        assert [(i["dedup_key"], i["triggers"], i["status"]) for i in await incidents(booth)] == [("k", 3, "triggered")]

    async def test_is_acknowledged_and_resolved(self, booth: Booth) -> None:
        await send(booth)
        await send(booth, event_action="acknowledge", payload=None)
        acknowledged = (await incidents(booth))[0]["status"]
        await send(booth, event_action="resolve", payload=None)

        assert (acknowledged, (await incidents(booth))[0]["status"]) == ("acknowledged", "resolved")

    async def test_a_resolved_key_opens_a_new_one(self, booth: Booth) -> None:
        await send(booth)
        await send(booth, event_action="resolve", payload=None)
        await send(booth)

        assert [incident["status"] for incident in await incidents(booth)] == ["resolved", "triggered"]

    async def test_resolving_what_is_unknown_is_accepted(self, booth: Booth) -> None:
        assert (await send(booth, event_action="resolve", payload=None)).status_code == 202
        assert await incidents(booth) == []

    async def test_without_a_key_one_is_made(self, booth: Booth) -> None:
        made = (await send(booth, dedup_key=None)).json()["dedup_key"]

        assert [incident["dedup_key"] for incident in await incidents(booth)] == [made]


class TestRefusals:
    @pytest.mark.parametrize(
        ("changes", "named"),
        [
            ({"routing_key": "wrong"}, "routing_key"),
            ({"event_action": "page"}, "event_action"),
            ({"event_action": "resolve", "dedup_key": None}, "dedup_key"),
            ({"dedup_key": "k" * 256}, "dedup_key"),
            ({"payload": None}, "payload"),
            ({"payload": PAYLOAD | {"summary": ""}}, "payload.summary"),
            ({"payload": PAYLOAD | {"summary": "s" * 1025}}, "payload.summary"),
            ({"payload": PAYLOAD | {"severity": "awful"}}, "payload.severity"),
            ({"links": [{"text": "nowhere"}]}, "links"),
        ],
    )
    async def test_name_the_field(self, booth: Booth, changes: dict[str, Any], named: str) -> None:
        answer = await send(booth, **changes)

        assert answer.status_code == 400
        assert any(f"'{named}'" in error for error in answer.json()["errors"])
        assert await incidents(booth) == []

    async def test_what_is_not_json_is_refused(self, booth: Booth) -> None:
        answer = await booth.http.post("/pagerduty/v2/enqueue", content=b"{")

        assert answer.status_code == 400


class TestPublishedShapes:
    async def test_accepted_and_refused(self, booth: Booth) -> None:
        spec = Published("pagerduty_events_v2.json")

        accepted, refused = await send(booth), await send(booth, routing_key="wrong")

        spec.check(accepted.json(), spec.response("/enqueue", "post", "202"))
        spec.check(refused.json(), spec.response("/enqueue", "post", "5XX"))
