"""Strangers, floods and deaf peers at the media socket, over real sockets."""

import asyncio
import contextlib
import itertools
import time
from pathlib import Path

import orjson
import pytest
from prometheus_client import REGISTRY
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from realtime_bridge import phone_socket
from realtime_bridge.protocol.frame_budget import BURST
from realtime_bridge.protocol.stream_token import LIFETIME
from tests.realtime_bridge.calls import STREAM, mulaw
from tests.realtime_bridge.scripted_model import scripted_model
from tests.realtime_bridge.stage import Phone, Stage

OTHER = "CA" + "b" * 32
MEDIA = orjson.dumps(
    {"event": "media", "streamSid": STREAM, "media": {"track": "inbound", "payload": mulaw(20)}}
).decode()


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def closed(phone: Phone) -> tuple[int, str]:
    """How the bridge closed the socket."""
    with contextlib.suppress(ConnectionClosed):
        await phone.closed()
    assert phone.socket.close_code is not None
    return phone.socket.close_code, phone.socket.close_reason or ""


class TestAStrangersStream:
    @pytest.mark.parametrize(
        ("token", "why"),
        [
            ("", "missing"),
            ("nonsense", "forged"),
            (Stage.token(OTHER), "forged"),
            (Stage.token(at=time.time() - LIFETIME - 5), "expired"),
        ],
        ids=["none", "nonsense", "another call's", "an old one"],
    )
    async def test_is_closed_before_anything_begins(self, stage: Stage, token: str, why: str) -> None:
        before = counted("firstline_refused_streams_total", why=f"token_{why}")
        async with stage.phone() as phone:
            await phone.start(token=token)

            assert await closed(phone) == (1008, f"the stream token is {why}")
        assert counted("firstline_refused_streams_total", why=f"token_{why}") == before + 1
        assert stage.model.sessions.empty()
        assert stage.kinds() == []

    async def test_with_the_token_of_a_call_that_streams_already_is_closed(self, stage: Stage) -> None:
        token = Stage.token()
        async with stage.phone() as phone, stage.phone() as replay:
            await phone.start(token=token)
            await phone.until("media")
            await replay.start(token=token)

            assert await closed(replay) == (1008, "the stream token is replayed")
            await phone.speak(1)
            await (await stage.model.session()).sent("input_audio_buffer.append")

    async def test_that_never_says_which_call_it_is_is_closed(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(phone_socket, "START_WITHIN", 0.05)
        async with stage.phone() as phone:
            assert await closed(phone) == (1008, "no start came")

    async def test_the_token_of_our_twiml_is_taken(self, stage: Stage) -> None:
        twiml = (await stage.post("/twilio/voice")).text
        token = twiml.partition('name="token" value="')[2].partition('"')[0]
        async with stage.phone() as phone:
            await phone.start(token=token)

            assert await phone.until("media")


class TestRoom:
    async def test_beyond_the_limit_an_upgrade_is_refused(self, tmp_path: Path) -> None:
        async with scripted_model() as model:
            stage = Stage(tmp_path, model, max_calls=1)
            async with stage.bridge.running(), stage.http, stage.phone() as phone:
                await phone.start()
                await phone.until("media")

                with pytest.raises(InvalidStatus) as refused:
                    await connect(stage.media_url, additional_headers=stage.upgrade_headers(), compression=None)

        assert refused.value.response.status_code == 503


class TestAFlood:
    async def test_is_cut_and_the_other_calls_do_not_notice(self, stage: Stage) -> None:
        """Every frame of two calls arrives while a third sends as fast as it can."""
        before = counted("firstline_cut_sockets_total", peer="phone", why="flood")
        async with stage.phone() as one, stage.phone() as two, stage.phone() as flood:
            models = []
            for phone in (one, two, flood):
                await phone.start()
                models.append(await stage.model.session())

            _, _, cut = await asyncio.gather(one.speak(50), two.speak(50), _flood(flood), return_exceptions=True)
            await asyncio.gather(one.speak(50), two.speak(50))

            for model in models[:2]:
                await model.sent("input_audio_buffer.append", 100)
        assert isinstance(cut, ConnectionClosed)
        assert counted("firstline_cut_sockets_total", peer="phone", why="flood") == before + 1
        assert len(models[2].received) <= BURST * 1.2

    async def test_of_pings_is_one_too(self, stage: Stage) -> None:
        before = counted("firstline_cut_sockets_total", peer="phone", why="flood")
        async with stage.phone() as phone:
            await phone.start()

            with pytest.raises(ConnectionClosed):
                await _ping(phone)
            await phone.socket.wait_closed()
        assert counted("firstline_cut_sockets_total", peer="phone", why="flood") == before + 1


async def _flood(phone: Phone) -> None:
    while True:
        await phone.socket.send(MEDIA)


async def _ping(phone: Phone) -> None:
    for number in itertools.count():
        await phone.socket.ping(str(number))
        await asyncio.sleep(0)  # the bridge runs on the same loop


class TestAPhoneThatDoesNotRead:
    async def test_is_cut_and_its_call_ended(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(phone_socket, "UNREAD_BYTES", 64 * 1024)
        before = counted("firstline_cut_sockets_total", peer="phone", why="unread")
        async with stage.phone() as phone:
            await phone.start()
            await phone.until("media")
            model = await stage.model.session()
            phone.deafen()
            await model.say("response.created", response={"id": "r"})

            while counted("firstline_cut_sockets_total", peer="phone", why="unread") == before:
                await model.say("response.output_audio.delta", response_id="r", item_id="i", delta=mulaw(10_000))
            phone.socket.transport.abort()
        await stage.bridge.drained()

        assert stage.control.delivered[-1].detail == "bridge_lost"
