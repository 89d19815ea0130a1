"""What the bridge makes of a webhook, without a call's audio: callbacks, the failsafe queue, PagerDuty."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode
from xml.etree import ElementTree

import httpx
import pytest
from prometheus_client import REGISTRY
from starlette.applications import Starlette
from twilio.request_validator import RequestValidator

from firstline.domain.callback import DialStatus
from firstline.domain.facts import FactKind
from firstline.domain.handoff import RepAnswer
from realtime_bridge.admission import EXPECTED_SECONDS, Admission
from realtime_bridge.live_calls import LiveCalls
from realtime_bridge.pagerduty_webhook import PATH, PagerDutyWebhook
from realtime_bridge.signature import TwilioSignature
from realtime_bridge.spool import Spool
from realtime_bridge.webhooks import Webhooks
from tests.fakes.call_control import FakeCallControl
from tests.realtime_bridge.calls import CALL
from tests.workflows.calls import started, talking, wants_person

TOKEN, SECRET, BASE = "secret", "webhook-secret", "https://bridge.example"
OUTBOUND = "CA" + "b" * 32


class Carrier:
    """The webhooks over a fake control plane, and what Twilio and PagerDuty send to them."""

    def __init__(self, spool_path: Path) -> None:
        self.control = FakeCallControl()
        self.spool = Spool(spool_path, self.control)
        signature = TwilioSignature(TOKEN, BASE, "wss://bridge.example/media")
        self.admission = Admission(TOKEN, 1, LiveCalls())
        media = "wss://bridge.example/media"
        webhooks = Webhooks(signature, self.control, self.spool, BASE, media, lambda _: None, self.admission)
        app = Starlette(routes=[*webhooks.routes(), PagerDutyWebhook(SECRET, self.control).route])
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE)

    async def post(self, path: str, **form: str) -> httpx.Response:
        fields = {"CallSid": CALL, "From": "+15550100999", "To": "+15550100100", **form}
        signature = RequestValidator(TOKEN).compute_signature(BASE + path, fields)
        headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
        return await self.http.post(path, content=urlencode(fields), headers=headers)

    async def page(self, body: bytes, signature: str | None = None) -> httpx.Response:
        good = "v1=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {"X-PagerDuty-Signature": good if signature is None else signature}
        return await self.http.post(PATH, content=body, headers=headers)

    async def kinds(self) -> list[FactKind]:
        await self.spool.drained()
        return [fact.kind for fact in self.control.delivered]


@pytest.fixture
async def carrier(tmp_path: Path) -> AsyncIterator[Carrier]:
    carrier = Carrier(tmp_path / "spool.sqlite")
    yield carrier
    await carrier.http.aclose()
    await carrier.spool.close()


def acknowledged(incident_key: str, event_id: str = "01EVENT", kind: str = "incident.acknowledged") -> bytes:
    """An event as PagerDuty's webhook v3 describes it."""
    agent = {"id": "PLH1HKV", "type": "user_reference", "summary": "Ada on call"}
    data = {"id": "PGR0VU2", "type": "incident", "status": "acknowledged", "incident_key": incident_key}
    event = {"id": event_id, "event_type": kind, "resource_type": "incident", "agent": agent, "data": data}
    return json.dumps({"event": event}).encode()


async def handed_off(carrier: Carrier) -> str:
    """A call whose caller waits for a person; the page's dedup key."""
    start = started(CALL)
    await carrier.control.deliver(start, talking(start))
    return (await carrier.control.request_handoff(start, wants_person(start), 1)).handoff_id


class TestAFullBridge:
    async def test_sends_a_call_that_rings_to_the_people_in_the_failsafe_queue(self, carrier: Carrier) -> None:
        """One call is all that this bridge may carry, and one is on its way already."""
        first = await carrier.post("/twilio/voice")

        second = await carrier.post("/twilio/voice", CallSid=OUTBOUND)

        assert "<Stream" in first.text
        assert "<Stream" not in second.text
        assert ">failsafe</Enqueue>" in second.text

    async def test_room_is_kept_for_a_call_only_until_its_stream_must_have_gone_elsewhere(self) -> None:
        now = 0.0
        admission = Admission(TOKEN, 1, LiveCalls(), lambda: now)
        admission.announce(CALL)
        full = admission.full

        now = EXPECTED_SECONDS + 1

        assert (full, admission.full) == (True, False)


class TestWhoAnsweredACallback:
    @pytest.mark.parametrize(
        ("answered_by", "status"),
        [
            ("machine_start", DialStatus.MACHINE),
            ("machine_end_beep", DialStatus.MACHINE),
            ("fax", DialStatus.MACHINE),
            ("human", DialStatus.HUMAN),
            ("unknown", DialStatus.HUMAN),
        ],
    )
    async def test_is_told_to_the_callback_in_doubt_as_a_person(
        self, carrier: Carrier, answered_by: str, status: DialStatus
    ) -> None:
        answer = await carrier.post(f"/twilio/amd?callback={CALL}", CallSid=OUTBOUND, AnsweredBy=answered_by)

        assert answer.status_code == 204
        assert carrier.control.dialled == [(CALL, OUTBOUND, status)]


class TestTheEndOfACall:
    async def test_is_known_from_the_carrier_also_when_the_bridge_that_had_the_stream_is_gone(
        self, carrier: Carrier
    ) -> None:
        await carrier.post("/twilio/call-status", CallStatus="completed")

        assert await carrier.kinds() == [FactKind.CALL_ENDED]

    @pytest.mark.parametrize("status", ["ringing", "in-progress", ""])
    async def test_is_not_read_into_another_status(self, carrier: Carrier, status: str) -> None:
        await carrier.post("/twilio/call-status", CallStatus=status)

        assert await carrier.kinds() == []

    async def test_of_a_callback_ends_the_dialled_call_too(self, carrier: Carrier) -> None:
        await carrier.post(f"/twilio/callback-status?callback={CALL}", CallSid=OUTBOUND, CallStatus="in-progress")
        await carrier.post(f"/twilio/callback-status?callback={CALL}", CallSid=OUTBOUND, CallStatus="completed")

        assert await carrier.kinds() == [FactKind.CALL_ENDED]
        assert [fact.call_sid for fact in carrier.control.delivered] == [OUTBOUND]


class TestTheEndOfAConference:
    async def test_is_of_no_call_and_still_no_mistake_of_the_carrier(self, carrier: Carrier) -> None:
        """Twilio names the call that ended it in another field."""
        form = {"StatusCallbackEvent": "conference-end", "CallSidEndingConference": CALL}

        answer = await carrier.post(f"/twilio/conference?handoff={CALL}", CallSid="", **form)

        assert answer.status_code == 204
        assert carrier.control.left == []


class TestWhoeverJoinsTheConference:
    @pytest.mark.parametrize(("who", "told"), [(OUTBOUND, [(CALL, OUTBOUND)]), (CALL, [])])
    async def test_is_told_to_the_handoff_unless_it_is_the_caller(
        self, carrier: Carrier, who: str, told: list[tuple[str, str]]
    ) -> None:
        await handed_off(carrier)

        answer = await carrier.post(
            f"/twilio/conference?handoff={CALL}", CallSid=who, StatusCallbackEvent="participant-join"
        )

        assert answer.status_code == 204
        assert carrier.control.joined == told

    async def test_and_leaves_again_does_not_take_the_caller_along(self, carrier: Carrier) -> None:
        await handed_off(carrier)

        await carrier.post(
            f"/twilio/conference?handoff={CALL}", CallSid=OUTBOUND, StatusCallbackEvent="participant-leave"
        )

        assert (carrier.control.joined, carrier.control.left) == ([], [])


class TestWhileTheControlPlaneIsDown:
    async def test_a_rep_who_accepted_is_still_accepted_when_it_is_back(self, carrier: Carrier) -> None:
        """Twilio does not send the digit again when it is redirected."""
        await handed_off(carrier)
        carrier.control.unreachable = True
        put_off = await carrier.post(f"/twilio/rep-answer?handoff={CALL}&rep=%2B15550100201", Digits="1")
        carrier.control.unreachable = False

        again = ElementTree.fromstring(put_off.text).findtext("Redirect") or ""
        answer = await carrier.post(again)

        assert carrier.control.rep_answers == [(CALL, "+15550100201", RepAnswer.ACCEPTED)]
        assert "<Conference" in answer.text

    async def test_a_rep_whose_key_got_lost_is_asked_for_it_again(self, carrier: Carrier) -> None:
        await handed_off(carrier)
        rep = f"handoff={CALL}&rep=%2B15550100201"

        again = await carrier.post(f"/twilio/rep-again?{rep}", ErrorCode="11200")

        gather = ElementTree.fromstring(again.text).find("Gather")
        assert gather is not None
        assert gather.get("action") == f"{BASE}/twilio/rep-answer?{rep}"

    @pytest.mark.parametrize(
        ("path", "form"),
        [
            (f"/twilio/callback-status?callback={CALL}", {"CallStatus": "busy"}),
            (f"/twilio/amd?callback={CALL}", {"AnsweredBy": "human"}),
            (f"/twilio/rep-status?handoff={CALL}&rep=%2B15550100201", {"CallStatus": "no-answer"}),
            (f"/twilio/conference?handoff={CALL}", {"StatusCallbackEvent": "participant-leave"}),
            (f"/twilio/conference?handoff={CALL}", {"StatusCallbackEvent": "participant-join", "CallSid": OUTBOUND}),
        ],
    )
    async def test_a_status_that_cannot_be_told_is_counted(
        self, carrier: Carrier, path: str, form: dict[str, str]
    ) -> None:
        carrier.control.unreachable = True
        before = REGISTRY.get_sample_value("firstline_statuses_lost_total") or 0

        answer = await carrier.post(path, **form)

        assert answer.status_code == 204
        assert REGISTRY.get_sample_value("firstline_statuses_lost_total") == before + 1


class TestTheFailsafeQueue:
    async def test_reports_the_end_of_a_call_whose_caller_gave_up(self, carrier: Carrier) -> None:
        await carrier.post("/twilio/queue-done", QueueResult="hangup")

        assert await carrier.kinds() == [FactKind.CALL_ENDED]

    async def test_reports_no_end_when_the_caller_was_moved(self, carrier: Carrier) -> None:
        await carrier.post("/twilio/queue-done", QueueResult="redirected")

        assert await carrier.kinds() == []

    async def test_books_a_callback_for_who_presses_one_and_says_goodbye(self, carrier: Carrier) -> None:
        answer = await carrier.post("/twilio/failsafe-choice", Digits="1")

        [asked] = carrier.control.callbacks
        wait = datetime.fromisoformat(asked.at) - datetime.now(UTC)
        assert asked.phone == "+15550100999"
        assert timedelta(minutes=14) < wait <= timedelta(minutes=15)
        assert "call you back in 15 minutes" in answer.text
        assert "<Hangup" in answer.text
        assert await carrier.kinds() == [FactKind.CALL_ENDED]

    async def test_keeps_whoever_presses_something_else(self, carrier: Carrier) -> None:
        answer = await carrier.post("/twilio/failsafe-choice", Digits="7")

        assert ">failsafe</Enqueue>" in answer.text
        assert carrier.control.callbacks == []

    @pytest.mark.parametrize(
        ("number", "unreachable", "said"), [("anonymous", False, "number"), ("", True, "could not")]
    )
    async def test_keeps_whoever_cannot_be_promised_a_callback(
        self, carrier: Carrier, number: str, unreachable: bool, said: str
    ) -> None:
        carrier.control.unreachable = unreachable

        answer = await carrier.post("/twilio/failsafe-choice", Digits="1", From=number)

        assert ">failsafe</Enqueue>" in answer.text
        assert said in answer.text


class TestAReplayedWebhook:
    """Whoever caught a signed request may send it again: it is answered, and nothing more happens."""

    async def test_of_a_ringing_call_tells_the_same_fact(self, carrier: Carrier) -> None:
        answers = [await carrier.post("/twilio/voice") for _ in range(3)]
        await carrier.spool.drained()

        assert {answer.status_code for answer in answers} == {200}
        assert {fact.event_id for fact in carrier.control.delivered} == {f"{CALL}:call_started"}
        assert carrier.control.calls[CALL].duplicates == 2

    async def test_of_a_call_that_is_over_opens_nothing(self, carrier: Carrier) -> None:
        await carrier.post("/twilio/voice")
        await carrier.post("/twilio/call-status", CallStatus="completed")
        await carrier.spool.drained()

        await carrier.post("/twilio/voice")
        await carrier.spool.drained()

        assert carrier.control.too_late == {"facts": 1}

    async def test_of_a_reps_answer_is_the_same_answer(self, carrier: Carrier) -> None:
        await handed_off(carrier)
        path = f"/twilio/rep-answer?handoff={CALL}&rep=%2B15550100201"

        answers = [(await carrier.post(path, CallSid=OUTBOUND, Digits="1")).text for _ in range(2)]

        assert answers[0] == answers[1]
        assert f">handoff-{CALL}</Conference>" in answers[0]

    async def test_of_a_leaving_caller_finds_the_call_over(self, carrier: Carrier) -> None:
        await handed_off(carrier)
        path = f"/twilio/conference?handoff={CALL}"

        answers = [await carrier.post(path, StatusCallbackEvent="participant-leave") for _ in range(2)]

        assert [answer.status_code for answer in answers] == [204, 204]
        assert carrier.control.calls[CALL].over_because == "the caller hung up"

    async def test_of_a_press_of_one_in_the_queue_promises_no_second_callback(self, carrier: Carrier) -> None:
        await carrier.post("/twilio/failsafe-choice", Digits="1")
        await carrier.spool.drained()

        again = await carrier.post("/twilio/failsafe-choice", Digits="1")

        assert "The call is over" in again.text
        assert len(carrier.control.callbacks) == 1

    async def test_with_another_field_is_not_signed(self, carrier: Carrier) -> None:
        fields = {"CallSid": CALL, "From": "+15550100999", "To": "+15550100100"}
        signature = RequestValidator(TOKEN).compute_signature(f"{BASE}/twilio/voice", fields)
        headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}

        answer = await carrier.http.post(
            "/twilio/voice", content=urlencode(fields | {"From": "+15550100666"}), headers=headers
        )

        assert answer.status_code == 403
        assert await carrier.kinds() == []


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
