"""The server's own doors: paths, keys, health, the end of a session."""

import json

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from firstline.speech.engine import SpeechEngine
from firstline.speech.server import SpeechServer, serve

pytestmark = pytest.mark.integration


async def test_health_is_told_over_http(server: SpeechServer) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"http://{server.host}:{server.port}/healthz")

    assert (answer.status_code, answer.text) == (200, "ok\n")


async def test_another_path_is_not_found(server: SpeechServer) -> None:
    with pytest.raises(InvalidStatus, match="404"):
        await connect(f"ws://{server.host}:{server.port}/v2/realtime")


async def test_the_model_of_the_url_is_the_sessions(server: SpeechServer) -> None:
    async with connect(f"{server.url}?model=gpt-realtime-2") as socket:
        created = json.loads(await socket.recv())

    assert created["type"] == "session.created"
    assert created["session"]["model"] == "gpt-realtime-2"


@pytest.mark.parametrize("message", ["not json", b"\x00\x01", "[1, 2]"])
async def test_what_is_no_event_is_an_error_and_the_session_goes_on(server: SpeechServer, message: str | bytes) -> None:
    async with connect(server.url) as socket:
        await socket.recv()
        await socket.send(message)
        error = json.loads(await socket.recv())
        await socket.send('{"type": "input_audio_buffer.clear"}')
        cleared = json.loads(await socket.recv())

    assert (error["type"], cleared["type"]) == ("error", "input_audio_buffer.cleared")


class TestKey:
    async def test_a_wrong_key_is_turned_away(self, engine: SpeechEngine) -> None:
        server = await serve(engine, api_key="secret")
        try:
            with pytest.raises(InvalidStatus, match="401"):
                await connect(server.url, additional_headers={"Authorization": "Bearer guess"})
        finally:
            await server.close()

    async def test_the_right_key_opens(self, engine: SpeechEngine) -> None:
        server = await serve(engine, api_key="secret")
        try:
            async with connect(server.url, additional_headers={"Authorization": "Bearer secret"}) as socket:
                assert json.loads(await socket.recv())["type"] == "session.created"
        finally:
            await server.close()


async def test_a_session_that_lasted_too_long_is_told_and_closed(engine: SpeechEngine) -> None:
    server = await serve(engine, session_seconds=0.2)
    try:
        async with connect(server.url) as socket:
            await socket.recv()
            error = json.loads(await socket.recv())
            with pytest.raises(ConnectionClosed) as closed:
                await socket.recv()
    finally:
        await server.close()

    assert error["error"]["code"] == "session_expired"
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1001


async def test_closing_the_server_ends_its_sessions(engine: SpeechEngine) -> None:
    server = await serve(engine)
    socket = await connect(server.url)
    await socket.recv()

    await server.close()

    with pytest.raises(ConnectionClosed):
        await socket.recv()
