"""One timer a call, on the loop that the bridge runs on."""

import asyncio

import uvloop

from realtime_bridge.alarm import SLACK_MS, Alarm
from realtime_bridge.protocol.rules import NEVER


def test_a_moment_that_is_over_already_rings_at_once_and_can_be_set_again() -> None:
    """There uvloop gives a handle that knows no time."""

    async def rings() -> int:
        loop, rung = asyncio.get_running_loop(), asyncio.Event()
        count = 0

        def ring() -> None:
            nonlocal count
            count += 1
            rung.set()

        alarm = Alarm(ring)
        alarm.set(loop.time() * 1000 - 50)
        alarm.set(loop.time() * 1000 - 20)
        await asyncio.wait_for(rung.wait(), 5)
        alarm.off()
        return count

    assert uvloop.run(rings()) == 1


def test_a_moment_that_is_put_off_rings_only_then_and_one_that_is_called_off_not_at_all() -> None:
    async def rings() -> list[str]:
        loop, rung, over = asyncio.get_running_loop(), list[str](), asyncio.Event()

        def put_off_rings() -> None:
            rung.append("put off")
            over.set()

        put_off, called_off = Alarm(put_off_rings), Alarm(lambda: rung.append("called off"))
        put_off.set(loop.time() * 1000 + 20)
        called_off.set(loop.time() * 1000 + 20)
        put_off.set(loop.time() * 1000 + 20 + 2 * SLACK_MS)
        called_off.set(NEVER)
        await asyncio.wait_for(over.wait(), 5)
        return rung

    assert uvloop.run(rings()) == ["put off"]
