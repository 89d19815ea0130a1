"""The control API's manners: bad input is told in one line that names it."""

from typing import Any

import pytest

from tests.simulators.phone_booth import ACCOUNT_SID, Booth
from tests.simulators.tiny_bridge import AUTH_TOKEN

pytestmark = pytest.mark.integration

CALL = {"from": "+12125550123", "to": "+15550100100", "voice_url": "http://127.0.0.1:1/voice"}


class TestBadInput:
    @pytest.mark.parametrize(
        ("path", "body", "named"),
        [
            ("/sim/calls", {"from": "+12125550123"}, "'to'"),
            ("/sim/calls", CALL | {"paitence_ms": 1}, "paitence_ms"),
            ("/sim/calls", CALL | {"ring_ms": "soon"}, "'ring_ms'"),
            ("/sim/calls", CALL | {"turns": ["not base64!"]}, "behaviour"),
            ("/sim/calls", CALL | {"hang_up": "someday"}, "someday"),
            ("/sim/calls", [], "not a JSON object"),
            ("/sim/faults", {"status": 500}, "prefix"),
        ],
    )
    async def test_is_named(self, booth: Booth, path: str, body: Any, named: str) -> None:
        answer = await booth.http.post(path, json=body)

        assert answer.status_code == 400
        assert named in answer.text

    async def test_an_unknown_call_is_not_found(self, booth: Booth) -> None:
        assert (await booth.http.get("/sim/calls/CA0/events")).status_code == 404

    async def test_a_person_needs_a_behaviour(self, booth: Booth) -> None:
        assert (await booth.http.put("/sim/people/+15550100201", json=[])).status_code == 400

    @pytest.mark.parametrize("key", ["PageSize", "Page"])
    async def test_a_page_is_a_number(self, booth: Booth, key: str) -> None:
        path = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Calls.json"
        answer = await booth.http.get(path, params={key: "many"}, auth=(ACCOUNT_SID, AUTH_TOKEN))

        assert (answer.status_code, answer.json()["code"]) == (400, 20001)


class TestUnreachableBridge:
    async def test_ends_the_call_with_twilios_error(self, booth: Booth) -> None:
        sid = (await booth.post("/sim/calls", CALL))["sid"]

        events = await booth.whole(sid)

        assert [event["code"] for event in events if event["event"] == "error"] == [11200]
