"""What the calls of a bridge notice when one socket floods it, and how long a call is deaf when its model breaks."""

import asyncio
from asyncio.subprocess import PIPE
from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
from picows import WSTransport

from workers.bench.bridge.model import ScriptedModel
from workers.bench.bridge.phones import Phones
from workers.bench.bridge.process import cores_apart, running, started
from workers.bench.bridge.run import SETTLE_S
from workers.bench.bridge.scripted import ScriptedServer, ScriptedSession

BREAK_EVERY_S = 0.2
HANGS = 3
"""A hung model takes seconds to be noticed; more of them tell nothing more."""


async def run_flood(calls: int, seconds: float) -> dict[str, Any]:
    """The same calls without and with one flooding socket that comes back whenever it is cut; latencies in ms."""
    model = ScriptedModel()
    await model.start()
    try:
        with cores_apart() as core:
            async with running("under_test", model.url, core, "0") as bridge:
                phones = Phones(bridge.media_url, bridge.signature)
                await phones.ring(calls)
                await asyncio.sleep(SETTLE_S)
                calm = await _window(model, phones, seconds)
                async with started("flooder", bridge.media_url, bridge.signature, str(seconds), stdout=PIPE) as flooder:
                    flooded = await _window(model, phones, seconds)
                    told, _ = await flooder.communicate()
                alive = phones.alive
                await phones.hang_up()
    finally:
        await model.close()
    return {"calls": calls, "calm": calm, "flooded": flooded, "flooder": orjson.loads(told), "calls_alive": alive}


async def _window(model: ScriptedModel, phones: Phones, seconds: float) -> dict[str, float]:
    model.figures.up_ms.clear()
    phones.figures.forget()
    await asyncio.sleep(seconds)
    up, down = model.figures.up_ms, phones.figures.down_ms
    return {name: round(float(np.percentile(values, q)), 3)
            for values, side in ((up, "up"), (down, "down"))
            for q, name in ((50, f"{side}_p50"), (99, f"{side}_p99"))}  # fmt: skip


class _Breakable(ScriptedSession):
    """A session that tells when it first hears the caller, and can be broken."""

    def __init__(self, server: "_Server") -> None:
        super().__init__()
        self._server = server
        self._hears = False
        self.socket: WSTransport | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.socket = transport
        super().on_ws_connected(transport)

    def receive(self, event: dict[str, Any]) -> None:
        """A client event; the first caller audio shows that the call has a model again."""
        if event["type"] == "input_audio_buffer.append":
            if not self._hears:
                self._hears = True
                self._server.hearing.put_nowait(self)
        else:
            super().receive(event)


class _Server(ScriptedServer):
    """Sessions in the order in which they first heard their callers."""

    def __init__(self) -> None:
        super().__init__(lambda: _Breakable(self))
        self.hearing: asyncio.Queue[_Breakable] = asyncio.Queue()


async def run_breaks(calls: int) -> dict[str, Any]:
    """The models of all calls but some are cut off once, one after the other; those of the rest hang.

    Ms until the caller is heard again.
    """
    server = _Server()
    await server.start()
    try:
        with cores_apart() as core:
            async with running("under_test", server.url, core, "0") as bridge:
                phones = Phones(bridge.media_url, bridge.signature)
                await phones.ring(calls)
                sessions = [await asyncio.wait_for(server.hearing.get(), 20) for _ in range(calls)]
                await asyncio.sleep(SETTLE_S)
                idle, owing, others = sessions[:HANGS], sessions[HANGS : 2 * HANGS], sessions[2 * HANGS :]
                cut = [await _deaf(server, each, _cut) for each in others]
                hung = [await _deaf(server, each, _hang) for each in idle]
                hung_owing = [await _deaf(server, each, _hang_owing) for each in owing]
                alive = phones.alive
                await phones.hang_up()
    finally:
        await server.close()
    return {
        "calls": calls,
        "cut_off_ms": {"p50": _at(cut, 50), "p95": _at(cut, 95), "max": _at(cut, 100)},
        "hung_ms": {"p50": _at(hung, 50), "max": _at(hung, 100)},
        "hung_owing_ms": {"p50": _at(hung_owing, 50), "max": _at(hung_owing, 100)},
        "calls_alive": alive,
    }


async def _deaf(server: _Server, session: _Breakable, trouble: Callable[[_Breakable, WSTransport], None]) -> float:
    assert session.socket is not None
    loop = asyncio.get_running_loop()
    since = loop.time()
    trouble(session, session.socket)
    await asyncio.wait_for(server.hearing.get(), 20)
    took = (loop.time() - since) * 1000
    await asyncio.sleep(BREAK_EVERY_S)
    return took


def _cut(session: _Breakable, socket: WSTransport) -> None:
    socket.disconnect(graceful=False)


def _hang(session: _Breakable, socket: WSTransport) -> None:
    """Nothing is owed: the agent has said all, and the caller is silent."""
    socket.underlying_transport.pause_reading()


def _hang_owing(session: _Breakable, socket: WSTransport) -> None:
    """The caller has asked something, and waits."""
    session.say("input_audio_buffer.speech_started", item_id="item_u1", audio_start_ms=0)
    session.say("input_audio_buffer.speech_stopped", item_id="item_u1", audio_end_ms=500)
    session.transcribed("item_u1", "How do I reset my password?")
    socket.underlying_transport.pause_reading()


def _at(values: list[float], q: float) -> float:
    return round(float(np.percentile(values, q)), 1) if values else float("nan")
