"""What the carrier does with each verb, seen from the phone and from the webhooks."""

from base64 import b64encode

import pytest

from firstline.simulators.mulaw import babble
from tests.simulators.phone_booth import REP, Booth
from tests.simulators.tiny_bridge import TinyBridge

pytestmark = pytest.mark.integration

HOLD = (
    '<Response><Dial action="/dial-done"><Conference startConferenceOnEnter="false" endConferenceOnExit="true"'
    ' statusCallback="/conference" statusCallbackEvent="start end join leave">handoff</Conference></Dial></Response>'
)
JOIN = "<Response><Dial><Conference>handoff</Conference></Dial></Response>"
FAST = {"ring_ms": 0, "presses_after_ms": 40}


class TestSpeaking:
    async def test_say_takes_as_long_as_speech_and_then_the_call_ends(self, booth: Booth, bridge: TinyBridge) -> None:
        bridge.answers["/voice"] = "<Response><Say>Goodbye now.</Say></Response>"
        sid = await booth.call(f"{bridge.url}/voice")

        at = {event["event"]: event for event in await booth.whole(sid)}

        assert at["said"]["text"] == "Goodbye now."
        assert at["hung_up"]["at_ms"] - at["said"]["at_ms"] == pytest.approx(len("Goodbye now.") * 60, abs=120)

    async def test_play_plays_a_sound_file(self, booth: Booth, bridge: TinyBridge) -> None:
        """The recording of another call is a sound file at a URL like any other."""
        bridge.answers["/voice"] = "<Response><Say>Hello.</Say></Response>"
        first = await booth.call(f"{bridge.url}/voice")
        length = (await booth.whole(first))[-1]["at_ms"]
        bridge.answers["/voice"] = f"<Response><Play>{booth.url}/sim/calls/{first}/recording.wav</Play></Response>"
        second = await booth.call(f"{bridge.url}/voice")

        at = {event["event"]: event for event in await booth.whole(second)}

        assert at["hung_up"]["at_ms"] - at["played"]["at_ms"] == pytest.approx(length, abs=300)
        assert "agent_audio_started" in at

    async def test_play_tells_when_there_is_no_sound(self, booth: Booth, bridge: TinyBridge) -> None:
        bridge.answers["/voice"] = f"<Response><Play>{booth.url}/sim/state</Play></Response>"
        sid = await booth.call(f"{bridge.url}/voice")

        assert (await booth.until(sid, "twiml_warning"))["verb"] == "Play"

    async def test_an_unknown_verb_is_skipped_and_told(self, booth: Booth, bridge: TinyBridge) -> None:
        bridge.answers["/voice"] = "<Response><Sms>hi</Sms><Enqueue>later</Enqueue></Response>"
        sid = await booth.call(f"{bridge.url}/voice")

        await booth.until(sid, "twiml_warning", verb="Sms")
        await booth.until(sid, "queue_joined", queue="later")

    async def test_reject_never_answers(self, booth: Booth, bridge: TinyBridge) -> None:
        bridge.answers["/voice"] = '<Response><Reject reason="busy"/></Response>'
        sid = await booth.call(f"{bridge.url}/voice")

        statuses = [event["status"] for event in await booth.whole(sid) if event["event"] == "status"]

        assert statuses == ["ringing", "busy"]


class TestGather:
    async def test_posts_the_key_to_the_action(self, booth: Booth, bridge: TinyBridge) -> None:
        bridge.answers["/brief"] = (
            '<Response><Gather numDigits="1" action="/accept"><Say>Press one.</Say></Gather><Hangup/></Response>'
        )
        await booth.person(REP, FAST)
        await booth.ring(REP, bridge.url + "/brief")

        pressed = await bridge.webhook("/accept")

        assert pressed.signed
        assert pressed.form["Digits"] == "1"

    async def test_goes_on_when_nobody_presses(self, booth: Booth, bridge: TinyBridge) -> None:
        bridge.answers["/brief"] = (
            '<Response><Gather numDigits="1" action="/accept" timeout="0.1"/><Enqueue>x</Enqueue></Response>'
        )
        await booth.person(REP, FAST | {"presses": ""})
        sid = await booth.ring(REP, bridge.url + "/brief")

        await booth.until(sid, "queue_joined", queue="x")
        assert not bridge.asked("/accept")


class TestRedirectVerb:
    async def test_asks_the_other_url(self, booth: Booth, bridge: TinyBridge) -> None:
        bridge.answers |= {"/voice": "<Response><Redirect>/next?step=2</Redirect></Response>"}
        await booth.call(f"{bridge.url}/voice")

        assert (await bridge.webhook("/next")).query == {"step": "2"}


class TestConference:
    async def test_caller_waits_until_the_rep_joins(self, booth: Booth, bridge: TinyBridge) -> None:
        bridge.answers |= {"/voice": HOLD, "/join": JOIN}
        await booth.person(REP, FAST)
        caller = await booth.call(f"{bridge.url}/voice")
        await booth.until(caller, "conference_joined")
        alone = (await booth.state())["conferences"][0]

        rep = await booth.ring(REP, bridge.url + "/join")
        await booth.until(caller, "conference_started")
        both = (await booth.state())["conferences"][0]

        assert (alone["status"], alone["participants"]) == ("init", [caller])
        assert (both["status"], both["participants"]) == ("in-progress", [caller, rep])

    async def test_both_hear_each_other(self, booth: Booth, bridge: TinyBridge) -> None:
        bridge.answers |= {"/voice": HOLD, "/join": JOIN}
        caller = await booth.call(f"{bridge.url}/voice", hang_up="never")
        await booth.until(caller, "conference_joined")
        hello = b64encode(babble(300)).decode()
        await booth.person(REP, FAST | {"turns": [hello], "speaks_first": True, "hang_up": "never"})
        await booth.ring(REP, bridge.url + "/join")

        heard = await booth.until(caller, "agent_audio_stopped")

        assert heard["line_ms"] - heard["began_line_ms"] == pytest.approx(300, abs=40)

    async def test_ends_for_all_when_the_caller_leaves(self, booth: Booth, bridge: TinyBridge) -> None:
        bridge.answers |= {"/voice": HOLD, "/join": JOIN}
        await booth.person(REP, FAST)
        caller = await booth.call(f"{bridge.url}/voice")
        await booth.until(caller, "conference_joined")
        rep = await booth.ring(REP, bridge.url + "/join")
        await booth.until(caller, "conference_started")

        await booth.post(f"/sim/calls/{caller}/hangup", {})
        await booth.whole(rep)

        told = [await bridge.webhook("/conference") for _ in range(6)]
        assert [hook.form["StatusCallbackEvent"] for hook in told] == [
            "participant-join",
            "participant-join",
            "conference-start",
            "participant-leave",
            "participant-leave",
            "conference-end",
        ]
        assert all(hook.signed for hook in told)
        assert told[-1].form["ReasonConferenceEnded"] == "participant-with-end-conference-on-exit-left"
        dialled = await bridge.webhook("/dial-done")
        assert (dialled.form["CallStatus"], dialled.form["DialCallStatus"]) == ("completed", "answered")

    async def test_the_caller_stays_when_the_rep_drops(self, booth: Booth, bridge: TinyBridge) -> None:
        bridge.answers |= {"/voice": HOLD, "/join": JOIN}
        await booth.person(REP, FAST)
        caller = await booth.call(f"{bridge.url}/voice")
        await booth.until(caller, "conference_joined")
        rep = await booth.ring(REP, bridge.url + "/join")
        await booth.until(rep, "conference_started")

        await booth.post(f"/sim/calls/{rep}/hangup", {})
        await booth.whole(rep)

        conference = (await booth.state())["conferences"][0]
        assert (conference["status"], conference["participants"]) == ("in-progress", [caller])


class TestBrokenWebhooks:
    async def test_the_fallback_url_is_asked(self, booth: Booth, bridge: TinyBridge) -> None:
        bridge.answers |= {"/voice": 500, "/fallback": "<Response><Enqueue>failsafe</Enqueue></Response>"}
        sid = await booth.call(f"{bridge.url}/voice", fallback_url=f"{bridge.url}/fallback")

        await booth.until(sid, "queue_joined", queue="failsafe")
        asked = await bridge.webhook("/fallback")

        assert asked.form["ErrorCode"] == "11200"

    async def test_without_one_the_call_ends_with_an_error(self, booth: Booth, bridge: TinyBridge) -> None:
        bridge.answers |= {"/voice": "this is not XML"}
        sid = await booth.call(f"{bridge.url}/voice")

        events = await booth.whole(sid)

        assert [event["code"] for event in events if event["event"] == "error"] == [12100]
        assert events[-1]["status"] == "completed"
