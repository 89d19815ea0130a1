"""One timer a call, on the loop that the bridge runs on."""

import asyncio

import uvloop

from realtime_bridge.alarm import Alarm
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
        alarm.set(NEVER)
        await asyncio.wait_for(rung.wait(), 5)
        alarm.off()
        return count

    assert uvloop.run(rings()) == 1
