"""A phone call over a real media stream on loopback."""

import asyncio
import io
import wave

import numpy as np
import pytest

from firstline.simulators.mulaw import babble
from tests.simulators.phone_booth import ACCOUNT_SID, CALLER, LINE, Booth
from tests.simulators.tiny_bridge import MediaSocket, TinyBridge

pytestmark = pytest.mark.integration

CONNECT = (
    '<Response><Connect action="/connect-done"><Stream url="{media}" statusCallback="/stream-status">'
    '<Parameter name="token" value="t0k"/></Stream></Connect><Enqueue>failsafe</Enqueue></Response>'
)


async def greet(media: MediaSocket) -> None:
    await media.next("start")
    await media.play(babble(400))
    await media.mark("greeting")
    await media.next("stop")


class TestWebhook:
    async def test_asks_for_twiml_as_twilio_does(self, booth: Booth, bridge: TinyBridge) -> None:
        sid = await booth.call(f"{bridge.url}/voice", geography={"FromState": "CA"})

        asked = await bridge.webhook("/voice")

        assert asked.signed
        expected = {"CallSid": sid, "AccountSid": ACCOUNT_SID, "From": CALLER, "To": LINE, "CallStatus": "ringing"}
        assert expected.items() <= asked.form.items()
        assert (asked.form["Direction"], asked.form["CallerState"], asked.form["CallerCountry"]) == (
            "inbound",
            "CA",
            "US",
        )


class TestStream:
    async def test_speaks_the_protocol(self, booth: Booth, bridge: TinyBridge) -> None:
        """connected, start, media in order; numbers are strings but for the media format."""
        met: asyncio.Future[MediaSocket] = asyncio.get_running_loop().create_future()

        async def converse(media: MediaSocket) -> None:
            for _ in range(10):
                await media.next("media")
            met.set_result(media)

        bridge.answers["/voice"], bridge.converse = CONNECT, converse
        sid = await booth.call(f"{bridge.url}/voice")
        media = await asyncio.wait_for(met, 10)

        connected, start, *frames = media.messages
        assert connected == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
        assert start["start"] == {
            "accountSid": ACCOUNT_SID,
            "streamSid": start["streamSid"],
            "callSid": sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"token": "t0k"},
        }
        assert [frame["sequenceNumber"] for frame in frames] == [str(number) for number in range(2, 12)]
        assert [frame["media"]["timestamp"] for frame in frames[:3]] == ["0", "20", "40"]
        assert bridge.upgrades == [True]

    async def test_plays_in_real_time_and_echoes_marks_when_played(self, booth: Booth, bridge: TinyBridge) -> None:
        bridge.answers["/voice"], bridge.converse = CONNECT, greet
        sid = await booth.call(f"{bridge.url}/voice", hang_up_patience_ms=400)

        events = await booth.whole(sid)

        at = {event["event"]: event for event in events}
        assert at["agent_audio_stopped"]["line_ms"] - at["agent_audio_stopped"]["began_line_ms"] == 400
        assert at["mark_echoed"]["at_ms"] - at["agent_audio_started"]["at_ms"] == pytest.approx(400, abs=60)

    async def test_clear_stops_playback_and_echoes_what_was_not_heard(self, booth: Booth, bridge: TinyBridge) -> None:
        async def barge(media: MediaSocket) -> None:
            await media.next("start")
            await media.play(babble(5000))
            await media.mark("unheard")
            for _ in range(10):
                await media.next("media")
            await media.send("clear")
            await media.next("mark")
            await media.next("stop")

        bridge.answers["/voice"], bridge.converse = CONNECT, barge
        sid = await booth.call(f"{bridge.url}/voice", hang_up_patience_ms=400)

        at = {event["event"]: event for event in await booth.whole(sid)}

        assert at["cleared"]["dropped_ms"] == pytest.approx(4800, abs=100)
        stopped = at["agent_audio_stopped"]
        assert stopped["line_ms"] - stopped["began_line_ms"] == pytest.approx(200, abs=100)

    async def test_caller_speaks_when_the_agent_has_finished(self, booth: Booth, bridge: TinyBridge) -> None:
        bridge.answers["/voice"], bridge.converse = CONNECT, greet
        question = babble(300)
        sid = await booth.call(f"{bridge.url}/voice", question, patience_ms=300, give_up_ms=2000)
        await booth.whole(sid)

        recording = (await booth.http.get(f"/sim/calls/{sid}/recording.wav")).content

        with wave.open(io.BytesIO(recording)) as file:
            assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 8000, 2)
            sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
        said, heard = (np.flatnonzero(np.abs(side) > 500) for side in sound.T)
        assert (heard[-1] - heard[0]) / 8 == pytest.approx(400, abs=20)
        assert (said[-1] - said[0]) / 8 == pytest.approx(300, abs=20)
        assert (said[0] - heard[-1]) / 8 == pytest.approx(300, abs=40)

    async def test_keys_arrive_as_dtmf(self, booth: Booth, bridge: TinyBridge) -> None:
        pressed: list[str] = []

        async def converse(media: MediaSocket) -> None:
            pressed.append((await media.next("dtmf"))["dtmf"]["digit"])

        bridge.answers["/voice"], bridge.converse = CONNECT, converse
        sid = await booth.call(f"{bridge.url}/voice", {"digits": "7"}, speaks_first=True)
        await booth.until(sid, "stream_ended")

        assert pressed == ["7"]

    async def test_says_what_it_could_not_read(self, booth: Booth, bridge: TinyBridge) -> None:
        async def converse(media: MediaSocket) -> None:
            await media.next("start")
            await media.socket.send('{"event": "media", "streamSid": "MZwrong"}')

        bridge.answers["/voice"], bridge.converse = CONNECT, converse
        sid = await booth.call(f"{bridge.url}/voice")

        assert (await booth.until(sid, "stream_warning"))["code"] == 31951


class TestEnd:
    async def test_the_callers_hang_up_sends_stop_and_asks_no_action(self, booth: Booth, bridge: TinyBridge) -> None:
        said: list[str] = []

        async def converse(media: MediaSocket) -> None:
            await greet(media)
            said.append(media.messages[-1]["event"])

        bridge.answers["/voice"], bridge.converse = CONNECT, converse
        status = f"{bridge.url}/status"
        await booth.call(f"{bridge.url}/voice", hang_up_patience_ms=200, status_callback=status)

        over = await bridge.webhook("/status")

        assert said == ["stop"]
        assert over.form["CallStatus"] == "completed"
        assert not bridge.asked("/connect-done")

    @pytest.mark.parametrize("abnormal", [False, True])
    async def test_the_servers_close_asks_the_action(self, booth: Booth, bridge: TinyBridge, abnormal: bool) -> None:
        """Cleanly closed or torn off, the caller is never left on a dead line."""

        async def converse(media: MediaSocket) -> None:
            await media.next("media")
            if abnormal:
                media.socket.transport.abort()

        bridge.answers["/voice"], bridge.converse = CONNECT, converse
        bridge.answers["/connect-done"] = "<Response><Enqueue>failsafe</Enqueue></Response>"
        sid = await booth.call(f"{bridge.url}/voice")

        asked = await bridge.webhook("/connect-done")
        ended = await booth.until(sid, "stream_ended")
        await booth.until(sid, "queue_joined", queue="failsafe")

        assert asked.signed
        assert asked.form["CallStatus"] == "in-progress"
        assert ended["close_code"] == (1006 if abnormal else 1000)

    async def test_a_redirect_sends_stop_and_asks_no_action(self, booth: Booth, bridge: TinyBridge) -> None:
        stopped = asyncio.Event()

        async def converse(media: MediaSocket) -> None:
            await media.next("stop")
            stopped.set()

        bridge.answers["/voice"], bridge.converse = CONNECT, converse
        sid = await booth.call(f"{bridge.url}/voice")
        await booth.until(sid, "stream_started")

        await booth.redirect(sid, "<Response><Enqueue>elsewhere</Enqueue></Response>")
        await asyncio.wait_for(stopped.wait(), 5)
        await booth.until(sid, "queue_joined", queue="elsewhere")

        assert not bridge.asked("/connect-done")

    async def test_without_an_action_the_next_verb_runs(self, booth: Booth, bridge: TinyBridge) -> None:
        async def converse(media: MediaSocket) -> None:
            await media.next("start")

        bridge.answers["/voice"] = CONNECT.replace(' action="/connect-done"', "")
        bridge.converse = converse
        sid = await booth.call(f"{bridge.url}/voice")

        await booth.until(sid, "queue_joined", queue="failsafe")

    async def test_status_callbacks_tell_of_start_and_stop(self, booth: Booth, bridge: TinyBridge) -> None:
        bridge.answers["/voice"], bridge.converse = CONNECT, greet
        await booth.call(f"{bridge.url}/voice", hang_up_patience_ms=200)

        told = [(await bridge.webhook("/stream-status")).form["StreamEvent"] for _ in range(2)]

        assert told == ["stream-started", "stream-stopped"]

    async def test_a_server_that_is_not_there_is_an_error_and_the_action_is_asked(
        self, booth: Booth, bridge: TinyBridge
    ) -> None:
        bridge.answers["/voice"] = CONNECT.replace("{media}", "ws://127.0.0.1:1/media")
        sid = await booth.call(f"{bridge.url}/voice")

        assert (await booth.until(sid, "stream_error"))["code"] == 31920
        await bridge.webhook("/connect-done")
