"""Model sessions that are ready before a call needs them, over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from realtime_bridge import warm_pool
from tests.realtime_bridge.scripted_model import scripted_model
from tests.realtime_bridge.stage import Stage


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def until(fact: Callable[[], Awaitable[bool]]) -> None:
    """Returns once it is so."""
    for _ in range(2000):
        if await fact():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never came to be so")


async def until_waiting(sessions: int) -> None:
    """Returns once so many sessions are ready and wait."""

    async def waiting() -> bool:
        return counted("firstline_warm_sessions_waiting") == sessions

    await until(waiting)


@pytest.fixture
async def warm(tmp_path: Path) -> AsyncIterator[Stage]:
    """A bridge that keeps two sessions ready."""
    async with scripted_model() as model:
        stage = Stage(tmp_path, model, warm=2)
        async with stage.bridge.running(), stage.http:
            await until_waiting(2)
            yield stage


class TestAWarmSession:
    async def test_is_configured_and_costs_nothing_while_nobody_uses_it(self, warm: Stage) -> None:
        """No audio is sent, and no response is asked for."""
        sessions = [await warm.model.session() for _ in range(2)]

        assert [[event["type"] for event in each.received] for each in sessions] == [["session.update"]] * 2

    async def test_is_ready_when_its_call_comes_and_another_takes_its_place(self, warm: Stage) -> None:
        before = counted("firstline_warm_sessions_total", found="ready")
        sessions = [await warm.model.session() for _ in range(2)]
        async with warm.phone() as phone:
            await phone.start()
            await phone.speak(1)
            await phone.until("media")

            third = await warm.model.session()
            await until_waiting(2)
            used = next(each for each in sessions if each.count("input_audio_buffer.append"))

        assert used.count("session.update") == 1
        assert third.count("input_audio_buffer.append") == 0
        assert counted("firstline_warm_sessions_total", found="ready") == before + 1

    async def test_is_kept_for_a_call_that_rings(self, warm: Stage) -> None:
        await warm.post("/twilio/voice")

        for _ in range(3):
            await warm.model.session()

        assert warm.model.sessions.empty()

    async def test_speaks_another_language_when_the_call_does(self, warm: Stage) -> None:
        sessions = [await warm.model.session() for _ in range(2)]
        async with warm.phone() as phone:
            await phone.start(language="es")
            await phone.speak(1)
            third = await warm.model.session()
            await phone.until("media")

        used = [each for each in sessions if each.count("session.update") == 2]
        assert [each.received[1]["session"]["audio"]["input"]["transcription"]["language"] for each in used] == ["es"]
        assert third.count("session.update") == 1

    async def test_that_breaks_is_replaced(self, warm: Stage) -> None:
        first = await warm.model.session()
        await warm.model.session()

        await first.socket.close()

        await (await warm.model.session()).sent("session.update")

    async def test_that_grew_old_is_replaced(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(warm_pool, "MAX_AGE", 0.02)
        monkeypatch.setattr(warm_pool, "LOOK_EVERY", 0.01)
        async with scripted_model() as model:
            stage = Stage(tmp_path, model, warm=1)
            async with stage.bridge.running(), stage.http:
                old, young = await model.session(), await model.session()
                await asyncio.wait_for(old.socket.wait_closed(), 10)

        assert young.count("session.update") == 1

    async def test_whose_call_never_came_is_one_too_many(self, warm: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(warm_pool, "UNCLAIMED_SECONDS", 0.01)
        await warm.post("/twilio/voice")
        sessions = [await warm.model.session() for _ in range(3)]

        closing = [asyncio.create_task(each.socket.wait_closed()) for each in sessions]
        closed, open_still = await asyncio.wait(closing, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        for task in open_still:
            task.cancel()

        assert (len(closed), len(open_still)) == (1, 2)


class TestALaneThatBroke:
    async def test_is_probed_by_the_pool_and_no_caller(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(warm_pool, "LOOK_EVERY", 0.02)
        async with scripted_model() as native, scripted_model() as chained:
            native.refusal = (429, {"Retry-After": "0.1"}, '{"error": {"code": "rate_limit_exceeded"}}')
            stage = Stage(tmp_path, native, warm=1, chained=chained)
            async with stage.bridge.running(), stage.http:
                await chained.session()
                native.refusal = None

                await (await native.session()).sent("session.update")
                await until(lambda: _is_closed(stage))


async def _is_closed(stage: Stage) -> bool:
    """Whether calls go to the native lane again."""
    return bool((await stage.http.get("/healthz")).json()["lanes"]["native"] == "closed")
