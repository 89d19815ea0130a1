"""PagerDuty's webhook tells a call's workflow who has seen the page."""

import hashlib
import hmac
import json

import httpx
import pytest
from prometheus_client import REGISTRY
from starlette.applications import Starlette

from realtime_bridge.pagerduty_webhook import PATH, PagerDutyWebhook
from tests.fakes.call_control import FakeCallControl
from tests.realtime_bridge.calls import CALL
from tests.realtime_bridge.carrier import BASE, SECRET, Carrier, handed_off


def acknowledged(incident_key: str, event_id: str = "01EVENT", kind: str = "incident.acknowledged") -> bytes:
    """An event as PagerDuty's webhook v3 describes it."""
    agent = {"id": "PLH1HKV", "type": "user_reference", "summary": "Ada on call"}
    data = {"id": "PGR0VU2", "type": "incident", "status": "acknowledged", "incident_key": incident_key}
    event = {"id": event_id, "event_type": kind, "resource_type": "incident", "agent": agent, "data": data}
    return json.dumps({"event": event}).encode()


class TestPagerDuty:
    async def test_who_acknowledged_is_told_to_the_handoff_once(self, carrier: Carrier) -> None:
        key = await handed_off(carrier)

        answers = [(await carrier.page(acknowledged(key))).text for _ in range(2)]

        assert answers == ["acknowledged", "replayed"]
        assert carrier.control.acknowledged == [(key, "Ada on call")]

    @pytest.mark.parametrize("signature", ["", "v1=" + "0" * 64, "v0=abc", "nonsense"])
    async def test_a_wrong_signature_gets_403_and_changes_nothing(self, carrier: Carrier, signature: str) -> None:
        key = await handed_off(carrier)

        answer = await carrier.page(acknowledged(key), signature)

        assert answer.status_code == 403
        assert carrier.control.acknowledged == []

    async def test_the_signature_of_another_body_gets_403(self, carrier: Carrier) -> None:
        key = await handed_off(carrier)
        other = hmac.new(SECRET.encode(), b"{}", hashlib.sha256).hexdigest()

        assert (await carrier.page(acknowledged(key), f"v1={other}")).status_code == 403

    async def test_one_good_signature_of_several_is_enough(self, carrier: Carrier) -> None:
        body = acknowledged(await handed_off(carrier))
        good = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()

        assert (await carrier.page(body, f"v1={'0' * 64}, v1={good}")).text == "acknowledged"

    @pytest.mark.parametrize("key", [f"handoff-CA{'9' * 32}", "somebody-elses-incident", "", "handoff-"])
    async def test_an_unknown_call_is_harmless_and_counted(self, carrier: Carrier, key: str) -> None:
        before = REGISTRY.get_sample_value("firstline_pagerduty_events_total", {"result": "unknown"}) or 0

        answer = await carrier.page(acknowledged(key))

        after = REGISTRY.get_sample_value("firstline_pagerduty_events_total", {"result": "unknown"})
        assert (answer.status_code, answer.text) == (200, "unknown")
        assert after == before + 1

    async def test_another_event_is_ignored(self, carrier: Carrier) -> None:
        key = await handed_off(carrier)

        assert (await carrier.page(acknowledged(key, kind="incident.resolved"))).text == "ignored"

    @pytest.mark.parametrize("body", [b"", b"[]", b'{"event": 7}', b"{"])
    async def test_what_is_no_event_gets_400(self, carrier: Carrier, body: bytes) -> None:
        assert (await carrier.page(body)).status_code == 400

    async def test_is_asked_to_try_again_while_the_control_plane_is_down(self, carrier: Carrier) -> None:
        body = acknowledged(await handed_off(carrier))
        carrier.control.unreachable = True
        refused = await carrier.page(body)
        carrier.control.unreachable = False

        assert refused.status_code == 503
        assert (await carrier.page(body)).text == "acknowledged"


async def test_without_a_secret_every_acknowledgement_is_refused() -> None:
    app = Starlette(routes=[PagerDutyWebhook("", FakeCallControl()).route])
    body = acknowledged(f"handoff-{CALL}")
    signed = "v1=" + hmac.new(b"", body, hashlib.sha256).hexdigest()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as http:
        answer = await http.post(PATH, content=body, headers={"X-PagerDuty-Signature": signed})

    assert answer.status_code == 403
