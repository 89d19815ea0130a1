"""What the bridge makes of a webhook, without a call's audio: callbacks, the failsafe queue, PagerDuty."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from prometheus_client import REGISTRY
from twilio.request_validator import RequestValidator

from firstline.domain.callback import DialStatus
from firstline.domain.facts import FactKind
from firstline.domain.handoff import RepAnswer
from realtime_bridge.admission import EXPECTED_SECONDS, Admission
from realtime_bridge.live_calls import LiveCalls
from tests.realtime_bridge.calls import CALL
from tests.realtime_bridge.carrier import BASE, OUTBOUND, TOKEN, Carrier, handed_off


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
