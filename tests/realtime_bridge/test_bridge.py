"""The whole bridge on loopback: real sockets, a scripted model, the other side played by the test."""

import asyncio
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import orjson
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from firstline.domain.call import CallStarted, Outcome
from firstline.domain.callback import CallbackRequest
from firstline.domain.facts import FactKind
from firstline.domain.handoff import HandoffState, RepAnswer
from firstline.domain.outcome import decide_outcome
from realtime_bridge import call_model
from tests.realtime_bridge.calls import CALL, STREAM, mulaw
from tests.realtime_bridge.stage import Stage


class TestAnswering:
    async def test_a_call_goes_from_greeting_to_reported_turn(self, stage: Stage) -> None:
        twiml = await stage.post("/twilio/voice", CallStatus="ringing")
        async with stage.phone() as phone:
            await phone.start()
            assert (await phone.until("media"))["streamSid"] == STREAM
            model = await stage.model.session()
            session = (await model.sent("session.update"))["session"]
            await phone.speak()
            await model.sent("input_audio_buffer.append", 10)

            await model.hear("How do I reset my password?")
            await model.ask_tool("lookup_article", {"query": "How do I reset my password?"})
            output = orjson.loads(
                (await model.sent("conversation.item.create", 1, "function_call_output"))["item"]["output"]
            )
            await model.sent("response.create")
            await model.speak("Choose Forgot password.", mulaw(100))
            await phone.play_all("item_a1")
            await phone.hang_up()
        await stage.bridge.drained()

        assert stage.media_url in twiml.text
        assert [tool["name"] for tool in session["tools"]] == [
            "lookup_article",
            "handoff_to_human",
            "schedule_callback",
        ]
        assert session["audio"]["output"]["format"] == {"type": "audio/pcmu"}
        assert output["passages"][0]["article_id"] == "reset-password"
        call = stage.control.calls[CALL]
        assert [turn.agent_text for turn in call.turns] == ["Choose Forgot password."]
        assert call.turns[0].timing.first_audio_ms is not None
        assert call.start.from_number == "+15550100999"
        assert decide_outcome(call.turns, None, False) in (Outcome.RESOLVED, Outcome.ABANDONED)

    async def test_the_key_goes_with_the_model_connection_begun_at_the_webhook(self, stage: Stage) -> None:
        await stage.post("/twilio/voice")

        await stage.model.session()

        assert stage.model.headers[0]["authorization"] == "Bearer sk-test"

    async def test_barge_in_clears_the_phone(self, stage: Stage) -> None:
        async with stage.phone() as phone:
            await phone.start()
            model = await stage.model.session()
            await model.say("response.created", response={"id": "r"})
            await model.say("response.output_audio.delta", response_id="r", item_id="i", delta=mulaw(500))
            await phone.until("media")

            await model.say("input_audio_buffer.speech_started", item_id="item_u1", audio_start_ms=0)

            await phone.until("clear")
            assert (await model.sent("response.cancel"))["response_id"] == "r"

    async def test_a_model_that_dies_is_replaced_without_the_phone_noticing(self, stage: Stage) -> None:
        async with stage.phone() as phone:
            await phone.start()
            model = await stage.model.session()
            await model.sent("session.update")
            await model.hear("How do I reset my password?")
            await phone.play_all("greeting")

            await model.socket.close()

            another = await stage.model.session()
            await another.sent("session.update")
            items = [(await another.sent("conversation.item.create", n))["item"] for n in (1, 2, 3)]
            await another.sent("response.create")
            await another.speak("Choose Forgot password.", mulaw(100))
            await phone.play_all("item_a1")
        assert "How do I reset my password?" in [item["content"][0]["text"] for item in items]

    async def test_a_model_that_keeps_dying_ends_the_stream_so_that_twilio_asks_what_next(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(call_model, "WAITS", (0.0, 0.0, 0.0))
        await stage.post("/twilio/voice")
        async with stage.phone() as phone:
            await phone.start()

            for _ in range(4):
                model = await stage.model.session()
                await model.sent("session.update")
                await model.socket.close()

            await phone.closed()
        await stage.bridge.drained()
        again = await stage.post("/twilio/connect-done?resumed=0")
        assert "<Stream" in again.text

    async def test_a_caller_whose_bridge_died_goes_on_where_they_were(self, stage: Stage) -> None:
        """No greeting, no introduction; the question that was under way is answered."""
        await stage.post("/twilio/voice")
        async with stage.phone() as phone:
            await phone.start()
            model = await stage.model.session()
            await model.hear("How do I reset my password?")
            await model.sent("session.update")
            await phone.play_all("greeting")
        await stage.bridge.drained()

        twiml = await stage.post("/twilio/connect-done?resumed=0")
        async with stage.phone() as phone:
            await phone.start(resumed="1")
            again = await stage.model.session()
            roles = [(await again.sent("conversation.item.create", n))["item"]["role"] for n in (1, 2, 3)]
            await again.sent("response.create")

        assert '<Parameter name="resumed" value="1"' in twiml.text
        assert '<Parameter name="from" value="+15550100999"' in twiml.text
        assert roles == ["system", "user", "system"]

    async def test_a_caller_whose_stream_keeps_breaking_goes_to_the_queue(self, stage: Stage) -> None:
        await stage.post("/twilio/voice")
        await stage.bridge.drained()

        answer = await stage.post("/twilio/connect-done?resumed=2")

        assert ">failsafe</Enqueue>" in answer.text

    async def test_with_the_control_plane_down_for_a_moment_the_caller_is_asked_to_wait_for_it(
        self, stage: Stage
    ) -> None:
        await stage.post("/twilio/voice")
        await stage.bridge.drained()
        stage.control.unreachable = True
        wait = ElementTree.fromstring((await stage.post("/twilio/connect-done?resumed=0")).text)
        stage.control.unreachable = False

        answer = await stage.post(wait.findtext("Redirect") or "")

        assert wait.findtext("Say") == "One moment."
        assert '<Parameter name="resumed" value="1"' in answer.text

    async def test_with_the_control_plane_down_for_long_the_caller_goes_to_the_queue(self, stage: Stage) -> None:
        stage.control.unreachable = True
        waits, path = 0, "/twilio/connect-done?resumed=0"

        while path:
            answer = await stage.post(path)
            path = ElementTree.fromstring(answer.text).findtext("Redirect") or ""
            waits += 1

        assert ">failsafe</Enqueue>" in answer.text
        assert 3 <= waits <= 6


class TestHandoff:
    async def test_farewell_is_reported_and_the_caller_then_held(self, stage: Stage) -> None:
        await stage.post("/twilio/voice")
        async with stage.phone() as phone:
            await phone.start()
            model = await stage.model.session()
            await model.hear("My last invoice charged us twice.")
            state = {
                "call_sid": CALL,
                "language": "en",
                "transcript_summary": "Charged twice.",
                "retrieved_chunk_ids": [],
            }
            arguments = {"reason": "must_refuse_category", "confidence": 0.2, "call_state": state}
            await model.ask_tool("handoff_to_human", arguments)
            await model.sent("response.create")
            await model.speak("I am connecting you.", mulaw(100))
            await phone.play_all("item_a1")
            await phone.hang_up()
        await stage.bridge.drained()

        answer = await stage.post("/twilio/connect-done?resumed=0")

        assert stage.control.calls[CALL].handoff_state is HandoffState.PAGING
        assert FactKind.FAREWELL_PLAYED in stage.kinds()
        assert f"handoff-{CALL}" in answer.text

    async def test_a_rep_who_presses_one_joins_the_caller(self, stage: Stage) -> None:
        await self.test_farewell_is_reported_and_the_caller_then_held(stage)

        answer = await stage.post(f"/twilio/rep-answer?handoff={CALL}&rep=%2B15550100201", Digits="1")

        assert "<Conference" in answer.text
        assert stage.control.rep_answers == [(CALL, "+15550100201", RepAnswer.ACCEPTED)]

    async def test_a_rep_who_presses_too_late_is_told_so(self, stage: Stage) -> None:
        answer = await stage.post(f"/twilio/rep-answer?handoff={CALL}&rep=%2B15550100201", Digits="1")

        assert "no longer waiting" in answer.text

    async def test_the_caller_leaving_the_conference_is_told(self, stage: Stage) -> None:
        await stage.post("/twilio/voice")
        await stage.bridge.drained()

        await stage.post(f"/twilio/conference?handoff={CALL}", StatusCallbackEvent="participant-leave")

        assert stage.control.left == [CALL]


class TestACallerWhoIsOwedACallback:
    async def test_is_known_to_the_model_and_a_new_time_moves_it(self, stage: Stage) -> None:
        earlier = CallStarted("CA" + "e" * 32, "+15550100999", "+15550100100", datetime.now(UTC).isoformat())
        at = (datetime.now(UTC) + timedelta(days=2)).isoformat()
        request = CallbackRequest(earlier.call_sid, earlier.from_number, at, "a late invoice")
        booked = await stage.control.request_callback(earlier, request, 1)
        await stage.post("/twilio/voice")
        async with stage.phone() as phone:
            await phone.start()
            model = await stage.model.session()
            note = await model.sent("conversation.item.create", 2)
            await model.hear("Could you call me in three hours instead?")
            await model.ask_tool("schedule_callback", {"when": "in three hours", "topic": "a late invoice"})
            await model.sent("response.create")
            await phone.hang_up()

        moved = datetime.fromisoformat(stage.control.owed[booked.callback_id].at)
        assert "a late invoice" in note["item"]["content"][0]["text"]
        assert timedelta(hours=2) < moved - datetime.now(UTC) <= timedelta(hours=3)
        assert len(stage.control.callbacks) == 1


class TestRefusing:
    @pytest.mark.parametrize("signature", ["", "bm9wZQ=="])
    async def test_an_unsigned_webhook_gets_403_and_starts_nothing(self, stage: Stage, signature: str) -> None:
        answer = await stage.post("/twilio/voice", signature=signature)

        assert answer.status_code == 403
        assert "X-Twilio-Signature" in answer.text
        assert stage.control.calls == {}

    async def test_a_signed_webhook_without_a_call_gets_400(self, stage: Stage) -> None:
        answer = await stage.post("/twilio/voice", CallSid="nonsense")

        assert answer.status_code == 400

    async def test_an_unsigned_upgrade_is_refused_before_it_is_accepted(self, stage: Stage) -> None:
        with pytest.raises(InvalidStatus) as refusal:
            await connect(stage.media_url, compression=None)

        assert refusal.value.response.status_code == 403

    async def test_another_path_is_not_there(self, stage: Stage) -> None:
        with pytest.raises(InvalidStatus) as refusal:
            await connect(stage.media_url.replace("/media", "/other"), compression=None)

        assert refusal.value.response.status_code == 404

    async def test_nonsense_before_the_start_closes_the_socket_with_its_reason(self, stage: Stage) -> None:
        async with stage.phone() as phone:
            await phone.send("{")

            with pytest.raises(ConnectionClosed) as closed:
                await asyncio.wait_for(phone.socket.recv(), 10)

        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "not JSON")

    async def test_nonsense_during_a_call_does_not_end_it(self, stage: Stage) -> None:
        async with stage.phone() as phone:
            await phone.start()
            model = await stage.model.session()
            await phone.send({"event": "song", "streamSid": STREAM})
            await phone.send({"event": "media", "streamSid": "MZ" + "9" * 32, "media": {"payload": mulaw(20)}})

            await phone.speak(1)

            await model.sent("input_audio_buffer.append")


class TestDraining:
    async def test_a_bridge_without_calls_is_drained_at_once_and_says_so(self, stage: Stage) -> None:
        await stage.bridge.drain(60)

        health = await stage.http.get("/healthz")

        assert (health.status_code, health.json()["status"]) == (503, "draining")

    async def test_a_call_that_ends_by_itself_is_waited_for(self, stage: Stage) -> None:
        async with stage.phone() as phone:
            await phone.start()
            await phone.until("media")
            draining = asyncio.create_task(stage.bridge.drain(60))
            await phone.hang_up()
            await draining
        await stage.bridge.drained()

        assert stage.control.delivered[-1].detail == "caller_hung_up"

    async def test_a_call_that_does_not_end_is_handed_over(self, stage: Stage) -> None:
        await stage.post("/twilio/voice")
        async with stage.phone() as phone:
            await phone.start()
            await phone.until("media")

            await stage.bridge.drain(0.01)

            await phone.closed()
        await stage.bridge.drained()
        assert stage.control.delivered[-1].detail == "bridge_draining"
        assert "<Stream" in (await stage.post("/twilio/connect-done?resumed=0")).text


class TestWatching:
    async def test_health_and_metrics(self, stage: Stage) -> None:
        health = await stage.http.get("/healthz")
        metrics = await stage.http.get("/metrics")

        assert health.json()["status"] == "ok"
        assert "firstline_first_audio_ms" in metrics.text
