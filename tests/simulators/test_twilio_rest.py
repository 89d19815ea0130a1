"""The carrier's REST API: driven by Twilio's own SDK, and held against its published description."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from firstline.adapters.twilio_http import TwilioHttp
from tests.simulators.phone_booth import ACCOUNT_SID, CALLER, LINE, REP, Booth
from tests.simulators.published import Published
from tests.simulators.tiny_bridge import AUTH_TOKEN, TinyBridge

pytestmark = pytest.mark.integration

ROOT = f"/2010-04-01/Accounts/{ACCOUNT_SID}"
SPEC_ROOT = "/2010-04-01/Accounts/{AccountSid}"
WAIT = "<Response><Enqueue>waiting</Enqueue></Response>"
HOLD = "<Response><Dial><Conference>room</Conference></Dial></Response>"
NOW = {"ring_ms": 0}


@pytest.fixture
def ask(booth: Booth) -> Callable[..., Any]:
    """Runs `what(client)` with the SDK in a thread."""

    async def ask(what: Callable[[Any], Any], token: str = AUTH_TOKEN) -> Any:
        http = TwilioHttp(booth.url, 5)
        try:
            return await asyncio.to_thread(what, Client(ACCOUNT_SID, token, http_client=http))
        finally:
            http.session.close()

    return ask


async def refused(asking: Any) -> tuple[int, int]:
    """HTTP status and Twilio's code."""
    with pytest.raises(TwilioRestException) as caught:
        await asking
    return caught.value.status, caught.value.code


class TestCreating:
    async def test_rings_and_tells_each_step(self, booth: Booth, bridge: TinyBridge, ask: Callable[..., Any]) -> None:
        await booth.person(REP, NOW)
        call = await ask(
            lambda client: client.calls.create(
                to=REP,
                from_=LINE,
                twiml="<Response><Hangup/></Response>",
                status_callback=f"{bridge.url}/status",
                status_callback_event=["initiated", "ringing", "answered", "completed"],
            )
        )

        told = [(await bridge.webhook("/status")) for _ in range(4)]

        assert call.status in {"queued", "ringing"}
        assert [hook.form["CallStatus"] for hook in told] == ["initiated", "ringing", "in-progress", "completed"]
        assert [hook.form["SequenceNumber"] for hook in told] == ["0", "1", "2", "3"]
        assert all(hook.signed and hook.form["CallSid"] == call.sid for hook in told)

    @pytest.mark.parametrize(
        ("behaviour", "outcome"),
        [
            ({"answer": "declines", "ring_ms": 0}, "busy"),
            ({"answer": "never"}, "no-answer"),
            ({"ring_ms": 60_000}, "no-answer"),
        ],
    )
    async def test_ends_unanswered_as_the_person_behaves(
        self, booth: Booth, bridge: TinyBridge, ask: Callable[..., Any], behaviour: dict[str, Any], outcome: str
    ) -> None:
        await booth.person(REP, behaviour)
        await ask(
            lambda client: client.calls.create(
                to=REP, from_=LINE, twiml=WAIT, timeout=1, status_callback=f"{bridge.url}/status"
            )
        )

        assert (await bridge.webhook("/status")).form["CallStatus"] == outcome

    async def test_behaviours_are_used_up_one_a_call(self, booth: Booth, ask: Callable[..., Any]) -> None:
        await booth.person(REP, {"answer": "declines", "ring_ms": 0}, NOW)
        ends = []
        for _ in range(2):
            call = await ask(lambda client: client.calls.create(to=REP, from_=LINE, twiml="<Response/>"))
            ends.append((await booth.whole(call.sid))[-1]["status"])

        assert ends == ["busy", "completed"]

    @pytest.mark.parametrize(("machine", "answered_by"), [(False, "human"), (True, "machine_start")])
    async def test_tells_a_machine_from_a_human(
        self, booth: Booth, bridge: TinyBridge, ask: Callable[..., Any], machine: bool, answered_by: str
    ) -> None:
        await booth.person(CALLER, NOW | {"machine": machine})
        call = await ask(
            lambda client: client.calls.create(
                to=CALLER,
                from_=LINE,
                twiml=WAIT,
                machine_detection="Enable",
                async_amd="true",
                async_amd_status_callback=f"{bridge.url}/amd",
            )
        )

        told = await bridge.webhook("/amd")

        assert (told.form["CallSid"], told.form["AnsweredBy"]) == (call.sid, answered_by)
        assert (await ask(lambda client: client.calls(call.sid).fetch())).answered_by == answered_by

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            ({"to": "12", "from_": LINE, "twiml": WAIT}, 21211),
            ({"to": REP, "from_": "me", "twiml": WAIT}, 21212),
            ({"to": REP, "from_": LINE}, 21205),
            ({"to": REP, "from_": LINE, "twiml": "<Response>"}, 12100),
            ({"to": REP, "from_": LINE, "twiml": WAIT, "status_callback_event": ["done"]}, 21626),
        ],
    )
    async def test_refuses_what_makes_no_call(
        self, ask: Callable[..., Any], arguments: dict[str, Any], code: int
    ) -> None:
        assert await refused(ask(lambda client: client.calls.create(**arguments))) == (400, code)

    async def test_wants_the_right_token(self, ask: Callable[..., Any]) -> None:
        fetched = ask(lambda client: client.calls("CA" + "f" * 32).fetch(), token="wrong")

        assert await refused(fetched) == (401, 20003)


class TestUpdating:
    async def test_a_redirect_replaces_the_running_twiml(
        self, booth: Booth, bridge: TinyBridge, ask: Callable[..., Any]
    ) -> None:
        bridge.answers["/voice"] = WAIT
        sid = await booth.call(f"{bridge.url}/voice")
        await booth.until(sid, "queue_joined", queue="waiting")

        await ask(lambda client: client.calls(sid).update(twiml=HOLD))
        await booth.until(sid, "conference_joined")

        assert (await booth.state())["queues"] == {"waiting": []}

    async def test_completed_hangs_up(self, booth: Booth, bridge: TinyBridge, ask: Callable[..., Any]) -> None:
        bridge.answers["/voice"] = WAIT
        sid = await booth.call(f"{bridge.url}/voice")
        await booth.until(sid, "queue_joined")

        await ask(lambda client: client.calls(sid).update(status="completed"))

        assert (await booth.whole(sid))[-1]["status"] == "completed"

    async def test_canceled_stops_the_ringing(self, booth: Booth, ask: Callable[..., Any]) -> None:
        await booth.person(REP, {"answer": "never"})
        call = await ask(lambda client: client.calls.create(to=REP, from_=LINE, twiml=WAIT))

        await ask(lambda client: client.calls(call.sid).update(status="canceled"))

        assert (await booth.whole(call.sid))[-1]["status"] == "canceled"

    async def test_a_finished_call_cannot_be_redirected(self, booth: Booth, ask: Callable[..., Any]) -> None:
        await booth.person(REP, NOW)
        call = await ask(lambda client: client.calls.create(to=REP, from_=LINE, twiml="<Response/>"))
        await booth.whole(call.sid)

        assert await refused(ask(lambda client: client.calls(call.sid).update(twiml=WAIT))) == (400, 21220)

    async def test_an_unknown_call_is_not_found(self, ask: Callable[..., Any]) -> None:
        unknown = "CA" + "f" * 32

        assert await refused(ask(lambda client: client.calls(unknown).fetch())) == (404, 20404)


class TestListing:
    async def test_calls_are_filtered(self, booth: Booth, bridge: TinyBridge, ask: Callable[..., Any]) -> None:
        bridge.answers["/voice"] = WAIT
        sid = await booth.call(f"{bridge.url}/voice")
        await booth.until(sid, "queue_joined")

        def sids(**filters: str) -> Any:
            return ask(lambda client: [call.sid for call in client.calls.list(**filters)])

        assert await sids(to=LINE, from_=CALLER, status="in-progress") == [sid]
        assert await sids(to=LINE, status="completed") == await sids(to=REP) == []

    async def test_pages_are_followed(self, booth: Booth, ask: Callable[..., Any]) -> None:
        await booth.person(REP, {"answer": "declines", "ring_ms": 0})
        for _ in range(5):
            await ask(lambda client: client.calls.create(to=REP, from_=LINE, twiml=WAIT))

        assert len(await ask(lambda client: client.calls.list(page_size=2))) == 5


class TestPublishedShapes:
    @pytest.fixture
    def spec(self) -> Published:
        return Published("twilio_api_v2010.json")

    async def get(self, booth: Booth, path: str) -> Any:
        return (await booth.http.get(ROOT + path, auth=(ACCOUNT_SID, AUTH_TOKEN))).json()

    async def test_calls(self, booth: Booth, bridge: TinyBridge, spec: Published) -> None:
        """Ringing, live and finished calls; no field missing and none invented."""
        bridge.answers["/voice"] = WAIT
        live = await booth.call(f"{bridge.url}/voice")
        await booth.until(live, "queue_joined")
        await booth.person(REP, {"answer": "declines", "ring_ms": 0})
        await booth.whole(await booth.ring(REP, f"{bridge.url}/voice"))
        form = {"To": CALLER, "From": LINE, "Twiml": WAIT}

        created = await booth.http.post(f"{ROOT}/Calls.json", data=form, auth=(ACCOUNT_SID, AUTH_TOKEN))
        listed = await self.get(booth, "/Calls.json")

        spec.check(created.json(), spec.response(f"{SPEC_ROOT}/Calls.json", "post", "201"))
        spec.check(listed, spec.response(f"{SPEC_ROOT}/Calls.json", "get", "200"))
        assert len(listed["calls"]) == 3
        assert all(set(call) == spec.properties("api.v2010.account.call") for call in listed["calls"])

    async def test_conferences_and_participants(self, booth: Booth, bridge: TinyBridge, spec: Published) -> None:
        bridge.answers["/voice"] = HOLD
        first, second = [await booth.call(f"{bridge.url}/voice") for _ in range(2)]
        await booth.until(first, "conference_started")
        await booth.until(second, "conference_started")

        live = await self.get(booth, "/Conferences.json?FriendlyName=room")
        sid = live["conferences"][0]["sid"]
        participants = await self.get(booth, f"/Conferences/{sid}/Participants.json")
        for caller in (first, second):
            await booth.post(f"/sim/calls/{caller}/hangup", {})
            await booth.whole(caller)
        over = await self.get(booth, "/Conferences.json?Status=completed")

        path = f"{SPEC_ROOT}/Conferences.json"
        # The description's own words: "When a conference is in progress, will be `null`".
        spec.allow_null("conference_enum_reason_conference_ended")
        for listed in (live, over):
            spec.check(listed, spec.response(path, "get", "200"))
            assert set(listed["conferences"][0]) == spec.properties("api.v2010.account.conference")
        nested = f"{SPEC_ROOT}/Conferences/{{ConferenceSid}}/Participants.json"
        spec.check(participants, spec.response(nested, "get", "200"))
        assert {seat["call_sid"] for seat in participants["participants"]} == {first, second}
        fields = spec.properties("api.v2010.account.conference.participant")
        assert set(participants["participants"][0]) == fields
