"""What every `ports.Telephony` does, and what the real one says to Twilio and makes of its answers."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from firstline.adapters.twilio import TwilioTelephony
from firstline.domain.callback import DialStatus
from firstline.names import FAILSAFE_QUEUE, conference_name
from firstline.ports import CallbackDial, PortError, Rejected, RepCall
from realtime_bridge.twiml import join_as_rep
from tests.contracts.telephony_worlds import TelephonyWorld
from tests.simulators.phone_booth import ACCOUNT_SID, CALLER, LINE, REP, Booth
from tests.simulators.tiny_bridge import AUTH_TOKEN, TinyBridge

pytestmark = pytest.mark.integration

UNKNOWN = "CA" + "f" * 32
CALLER_SID = "CA" + "a" * 32
RING = RepCall(CALLER_SID, REP, LINE, "Asks about a refund. Speaks English.", ring_seconds=5)
DIAL = CallbackDial(CALLER_SID, CALLER, LINE, language="es")
AT_ONCE = {"ring_ms": 0, "presses_after_ms": 40}


class TestMoving:
    async def test_puts_the_caller_into_the_conference_of_the_handoff(self, world: TelephonyWorld) -> None:
        caller = await world.live_caller()

        await world.telephony.move_to_conference(caller)

        assert await world.where(caller, conference_name(caller)) == [caller]

    async def test_a_second_move_leaves_the_caller_where_they_are(self, world: TelephonyWorld) -> None:
        caller = await world.live_caller()
        await world.telephony.move_to_conference(caller)
        await world.where(caller, conference_name(caller))

        await world.telephony.move_to_conference(caller)

        assert await world.where(caller, conference_name(caller)) == [caller]

    async def test_whoever_sits_in_the_conference_is_known_until_they_leave(self, world: TelephonyWorld) -> None:
        caller = await world.live_caller()
        before = await world.telephony.in_conference(caller)
        await world.telephony.move_to_conference(caller)
        await world.where(caller, conference_name(caller))

        rep = await world.rep_joins(caller)
        both = await world.telephony.in_conference(caller)
        await world.telephony.hang_up(rep)
        await world.over(rep)

        assert before == []
        assert sorted(both) == sorted([caller, rep])
        assert rep not in await world.telephony.in_conference(caller)

    async def test_puts_the_caller_into_the_failsafe_queue(self, world: TelephonyWorld) -> None:
        caller = await world.live_caller()

        await world.telephony.move_to_failsafe(caller)

        assert await world.where(caller, FAILSAFE_QUEUE) == [caller]

    async def test_a_call_that_is_over_cannot_be_moved(self, world: TelephonyWorld) -> None:
        caller = await world.finished_caller()

        with pytest.raises(Rejected):
            await world.telephony.move_to_conference(caller)
        with pytest.raises(Rejected):
            await world.telephony.move_to_failsafe(caller)

    async def test_an_unknown_call_cannot_be_moved(self, world: TelephonyWorld) -> None:
        with pytest.raises(Rejected):
            await world.telephony.move_to_conference(UNKNOWN)


class TestDialling:
    async def test_a_rung_rep_is_found_until_the_call_is_over(self, world: TelephonyWorld) -> None:
        rung = await world.telephony.ring_rep(RING)
        found = await world.telephony.find_live(REP, LINE)
        await world.telephony.hang_up(rung)
        await world.over(rung)

        assert found == rung
        assert await world.telephony.find_live(REP, LINE) is None

    async def test_a_callback_is_found_while_it_rings(self, world: TelephonyWorld) -> None:
        dialled = await world.telephony.dial_callback(DIAL)

        assert await world.telephony.find_live(CALLER, LINE) == dialled
        assert await world.telephony.find_live(LINE, CALLER) is None

    async def test_a_call_is_found_also_when_it_is_over_if_it_began_since(self, world: TelephonyWorld) -> None:
        before = datetime.now(UTC) - timedelta(seconds=2)
        dialled = await world.telephony.dial_callback(DIAL)
        ringing = await world.telephony.find_since(CALLER, LINE, before)
        await world.telephony.hang_up(dialled)
        await world.over(dialled)

        assert ringing == dialled
        assert await world.telephony.find_since(CALLER, LINE, before) == dialled
        assert await world.telephony.find_since(CALLER, LINE, datetime.now(UTC) + timedelta(minutes=1)) is None
        assert await world.telephony.find_since(LINE, CALLER, before) is None

    async def test_what_is_no_number_is_rejected(self, world: TelephonyWorld) -> None:
        with pytest.raises(Rejected):
            await world.telephony.dial_callback(CallbackDial(CALLER_SID, "12", LINE))


class TestHangingUp:
    async def test_ends_the_call(self, world: TelephonyWorld) -> None:
        caller = await world.live_caller()

        await world.telephony.hang_up(caller)

        assert await world.over(caller)

    async def test_is_harmless_when_the_call_is_over_or_unknown(self, world: TelephonyWorld) -> None:
        for sid in (await world.finished_caller(), UNKNOWN):
            await world.telephony.hang_up(sid)


class TestTwilio:
    @pytest.fixture
    async def telephony(self, booth: Booth, bridge: TinyBridge) -> AsyncIterator[TwilioTelephony]:
        telephony = TwilioTelephony(ACCOUNT_SID, AUTH_TOKEN, bridge.url, base_url=booth.url)
        yield telephony
        await telephony.aclose()

    async def test_the_rep_hears_the_brief_and_their_key_reaches_the_bridge(
        self, booth: Booth, bridge: TinyBridge, telephony: TwilioTelephony
    ) -> None:
        await booth.person(REP, AT_ONCE)
        rung = await telephony.ring_rep(RING)

        said = await booth.until(rung, "said")
        accepted = await bridge.webhook("/twilio/rep-answer")
        over = await bridge.webhook("/twilio/rep-status")

        assert said["text"].startswith(RING.brief)
        assert accepted.query == over.query == {"handoff": CALLER_SID, "rep": REP}
        assert (accepted.form["Digits"], accepted.signed, over.signed) == ("1", True, True)
        assert over.form["CallStatus"] == "completed"

    async def test_a_rep_who_declines_is_told_by_the_status(
        self, booth: Booth, bridge: TinyBridge, telephony: TwilioTelephony
    ) -> None:
        await booth.person(REP, {"answer": "declines", "ring_ms": 0})
        await telephony.ring_rep(RING)

        assert (await bridge.webhook("/twilio/rep-status")).form["CallStatus"] == "busy"

    async def test_a_callback_asks_the_bridge_and_tells_who_answered(
        self, booth: Booth, bridge: TinyBridge, telephony: TwilioTelephony
    ) -> None:
        await booth.person(CALLER, AT_ONCE)
        bridge.answers["/twilio/voice"] = "<Response><Pause length='1'/></Response>"
        await telephony.dial_callback(DIAL)

        asked = await bridge.webhook("/twilio/voice")
        statuses = [(await bridge.webhook("/twilio/callback-status")).form["CallStatus"] for _ in range(2)]
        detected = await bridge.webhook("/twilio/amd")

        assert asked.query == {"callback": CALLER_SID, "language": "es"}
        assert asked.form["Direction"] == "outbound-api"
        assert statuses == ["in-progress", "completed"]
        assert (detected.form["AnsweredBy"], detected.query) == ("human", {"callback": CALLER_SID})

    async def test_a_callback_whose_bridge_dies_while_it_is_asked_is_connected_by_another(
        self, booth: Booth, bridge: TinyBridge, telephony: TwilioTelephony
    ) -> None:
        await booth.person(CALLER, AT_ONCE)
        bridge.answers["/twilio/voice"] = [502, "<Response><Pause length='60'/></Response>"]

        dialled = await telephony.dial_callback(DIAL)

        await booth.until(dialled, "verb", name="Pause")
        again = [await bridge.webhook("/twilio/voice") for _ in range(2)][1]
        assert again.query == {"callback": CALLER_SID, "language": "es"}
        assert again.form["ErrorCode"] == "11200"
        await telephony.hang_up(dialled)

    async def test_a_rep_whose_key_got_lost_is_asked_for_it_again(
        self, booth: Booth, bridge: TinyBridge, telephony: TwilioTelephony
    ) -> None:
        await booth.person(REP, AT_ONCE)
        bridge.answers["/twilio/rep-answer"] = 502
        bridge.answers["/twilio/rep-again"] = "<Response><Pause length='60'/></Response>"

        rung = await telephony.ring_rep(RING)

        asked = await bridge.webhook("/twilio/rep-again")
        assert asked.query == {"handoff": CALLER_SID, "rep": REP}
        await telephony.hang_up(rung)

    async def test_the_conference_reports_to_the_bridge(
        self, booth: Booth, bridge: TinyBridge, telephony: TwilioTelephony
    ) -> None:
        bridge.answers["/voice"] = "<Response><Pause length='60'/></Response>"
        caller = await booth.call(f"{bridge.url}/voice")
        await booth.until(caller, "verb", name="Pause")
        await telephony.move_to_conference(caller)
        joined = await bridge.webhook("/twilio/conference")
        bridge.answers["/join"] = join_as_rep(caller)
        rep = await booth.call(f"{bridge.url}/join", hang_up="never")
        came = await bridge.webhook("/twilio/conference")

        await booth.post(f"/sim/calls/{caller}/hangup", {})
        done = await bridge.webhook("/twilio/dial-done")

        assert joined.query == done.query == {"handoff": caller}
        assert joined.form["StatusCallbackEvent"] == "participant-join"
        assert (came.form["StatusCallbackEvent"], came.form["CallSid"]) == ("participant-join", rep)
        assert came.query == {"handoff": caller}
        assert (joined.form["StartConferenceOnEnter"], joined.form["EndConferenceOnExit"]) == ("false", "true")

    async def test_a_second_move_does_not_take_the_caller_out(
        self, booth: Booth, bridge: TinyBridge, telephony: TwilioTelephony
    ) -> None:
        bridge.answers["/voice"] = "<Response><Pause length='60'/></Response>"
        caller = await booth.call(f"{bridge.url}/voice")
        await booth.until(caller, "verb", name="Pause")
        await telephony.move_to_conference(caller)
        await booth.until(caller, "conference_joined")

        await telephony.move_to_conference(caller)
        await telephony.hang_up(caller)

        assert [e["event"] for e in await booth.whole(caller)].count("conference_joined") == 1

    @pytest.mark.parametrize("status", [429, 500, 503])
    async def test_trouble_is_worth_a_retry(self, booth: Booth, telephony: TwilioTelephony, status: int) -> None:
        await booth.post("/sim/faults", {"prefix": "/2010-04-01", "status": status})

        with pytest.raises(PortError, match=str(status)) as caught:
            await telephony.ring_rep(RING)

        assert not isinstance(caught.value, Rejected)
        assert (await booth.state())["calls"] == []

    async def test_the_pause_that_was_asked_for_is_told(self, booth: Booth, telephony: TwilioTelephony) -> None:
        await booth.post("/sim/faults", {"prefix": "/2010-04-01", "status": 429, "headers": {"Retry-After": "9"}})

        with pytest.raises(PortError) as caught:
            await telephony.ring_rep(RING)

        assert caught.value.retry_after == 9

    @pytest.mark.parametrize(
        ("behaviour", "status"),
        [
            ({"answer": "declines"}, DialStatus.BUSY),
            ({"machine": True}, DialStatus.MACHINE),
            ({}, DialStatus.HUMAN),
        ],
    )
    async def test_says_what_became_of_a_callback(
        self,
        booth: Booth,
        bridge: TinyBridge,
        telephony: TwilioTelephony,
        behaviour: dict[str, object],
        status: DialStatus,
    ) -> None:
        bridge.answers["/twilio/voice"] = "<Response><Pause length='2'/></Response>"
        await booth.person(CALLER, AT_ONCE | behaviour)
        dialled = await telephony.dial_callback(DIAL)
        ringing = await telephony.dial_status(dialled)
        await booth.whole(dialled)

        assert ringing in (None, DialStatus.ANSWERED, DialStatus.BUSY)
        assert await telephony.dial_status(dialled) is status

    async def test_a_callback_whose_line_was_gone_at_once_has_reached_nobody(
        self, booth: Booth, bridge: TinyBridge, telephony: TwilioTelephony
    ) -> None:
        bridge.answers["/twilio/voice"] = "this is no TwiML"
        await booth.person(CALLER, AT_ONCE)

        dialled = await telephony.dial_callback(DIAL)
        await booth.whole(dialled)

        assert await telephony.dial_status(dialled) is DialStatus.CUT_OFF

    async def test_a_callback_falls_back_to_static_twiml_when_no_bridge_is_there(
        self, booth: Booth, bridge: TinyBridge
    ) -> None:
        bridge.answers["/twilio/voice"] = "this is no TwiML"
        bridge.answers["/static"] = "<Response><Say>One moment.</Say><Pause length='2'/></Response>"
        static = f"{bridge.url}/static"
        telephony = TwilioTelephony(ACCOUNT_SID, AUTH_TOKEN, bridge.url, base_url=booth.url, static_twiml_url=static)
        await booth.person(CALLER, AT_ONCE)

        dialled = await telephony.dial_callback(DIAL)
        said = [event["text"] for event in await booth.whole(dialled) if event["event"] == "said"]
        await telephony.aclose()

        assert said == ["One moment."]

    async def test_a_dialling_whose_answer_was_lost_is_found_after_it_ended(
        self, booth: Booth, bridge: TinyBridge, telephony: TwilioTelephony
    ) -> None:
        bridge.answers["/twilio/voice"] = "<Response><Hangup/></Response>"
        await booth.person(CALLER, AT_ONCE)
        fault = {"prefix": "/2010-04-01", "status": 503, "after": True, "method": "POST"}
        await booth.post("/sim/faults", fault)
        since = datetime.now(UTC) - timedelta(seconds=2)

        with pytest.raises(PortError, match="503"):
            await telephony.dial_callback(DIAL)
        [placed] = (await booth.state())["calls"]
        await booth.whole(placed["sid"])

        assert await telephony.find_live(CALLER, LINE) is None
        assert await telephony.find_since(CALLER, LINE, since) == placed["sid"]

    async def test_a_caller_in_the_failsafe_queue_may_ask_to_be_called_back(
        self, booth: Booth, bridge: TinyBridge, telephony: TwilioTelephony
    ) -> None:
        bridge.answers |= {"/voice": "<Response><Pause length='60'/></Response>"}
        bridge.answers["/twilio/failsafe-choice"] = "<Response><Hangup/></Response>"
        caller = await booth.call(f"{bridge.url}/voice", presses="1", presses_after_ms=40)
        await booth.until(caller, "verb", name="Pause")

        await telephony.move_to_failsafe(caller)
        chosen = await bridge.webhook("/twilio/failsafe-choice")

        assert (chosen.form["Digits"], chosen.signed) == ("1", True)

    async def test_the_failsafe_queue_tells_when_its_caller_hangs_up(
        self, booth: Booth, bridge: TinyBridge, telephony: TwilioTelephony
    ) -> None:
        bridge.answers["/voice"] = "<Response><Pause length='60'/></Response>"
        caller = await booth.call(f"{bridge.url}/voice", hang_up="never")
        await booth.until(caller, "verb", name="Pause")
        await telephony.move_to_failsafe(caller)
        await booth.until(caller, "queue_joined", queue=FAILSAFE_QUEUE)

        await booth.post(f"/sim/calls/{caller}/hangup", {})
        done = await bridge.webhook("/twilio/queue-done")

        assert (done.form["QueueResult"], done.form["CallSid"], done.signed) == ("hangup", caller, True)

    async def test_a_wrong_token_is_rejected(self, booth: Booth) -> None:
        telephony = TwilioTelephony(ACCOUNT_SID, "wrong", "http://bridge.test", base_url=booth.url)

        with pytest.raises(Rejected, match="20003"):
            await telephony.ring_rep(RING)
        with pytest.raises(Rejected, match="20003"):
            await telephony.find_live(REP, LINE)
        await telephony.aclose()

    async def test_trouble_while_looking_is_worth_a_retry(self, booth: Booth, telephony: TwilioTelephony) -> None:
        await booth.post("/sim/faults", {"prefix": "/2010-04-01", "status": 503})

        with pytest.raises(PortError, match="503"):
            await telephony.find_live(REP, LINE)

    async def test_nobody_there_is_worth_a_retry(self) -> None:
        telephony = TwilioTelephony(ACCOUNT_SID, AUTH_TOKEN, "http://bridge.test", base_url="http://127.0.0.1:1")

        with pytest.raises(PortError, match="could not be reached"):
            await telephony.ring_rep(RING)
        await telephony.aclose()

    async def test_errors_do_not_repeat_the_number(self, telephony: TwilioTelephony) -> None:
        with pytest.raises(Rejected) as caught:
            await telephony.dial_callback(CallbackDial(CALLER_SID, "+1234", LINE))

        assert "1234" not in str(caught.value)

    async def test_nothing_of_a_request_is_logged(
        self, telephony: TwilioTelephony, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("DEBUG")

        await telephony.ring_rep(RING)

        assert not [record for record in caplog.records if REP[1:] in record.getMessage()]
