"""What goes wrong in a run: processes are killed and the paid services misbehave, at seeded moments."""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

from workers.bench.lifecycle.metrics import Metrics
from workers.bench.lifecycle.spools import Fed, feed
from workers.bench.lifecycle.stage import VICTIMS, Stage

FAULT_EVERY_S = 1.5
KILLS_FROM_S = 6.0
"""By then the first callers have been promised something."""
KILLS_UNTIL = 0.85
"""Of the time in which calls begin; then the bridges are restarted one after the other, which is nobody's death."""
TWILIO, PAGERDUTY = "/2010-04-01", "/pagerduty"
ANSWER_LOST_MS = {TWILIO: 4500, PAGERDUTY: 5500}
"""Later than the adapters wait: the effect has happened and nobody is told."""


@dataclass
class Broken:
    """What was done to the stack."""

    kills: dict[str, int] = field(default_factory=lambda: dict.fromkeys(VICTIMS, 0))
    faults: int = 0
    restarts: int = 0
    """Bridges that were told to stop under live calls."""
    fed: Fed = field(default_factory=Fed)


def plan(kills: int, seconds: float, rng: random.Random) -> list[tuple[float, str]]:
    """(moment, victim), in order, up to `KILLS_UNTIL`. The first five take one of each, so that a short run has all."""
    first = rng.sample(VICTIMS, len(VICTIMS))
    victims = [first[n] if n < len(first) else rng.choice(VICTIMS) for n in range(kills)]
    moments = sorted(rng.uniform(min(KILLS_FROM_S, seconds * 0.5), seconds * KILLS_UNTIL) for _ in range(kills))
    return list(zip(moments, victims, strict=True))


async def kill_all(stage: Stage, when: list[tuple[float, str]], broken: Broken, metrics: Metrics) -> None:
    """Kill at each moment (seconds from now); one that is down already is killed once it is back."""
    clock = asyncio.get_running_loop().time
    began = clock()
    for moment, victim in when:
        await asyncio.sleep(max(0.0, began + moment - clock()))
        await kill(stage, victim, broken, metrics)


async def kill(stage: Stage, victim: str, broken: Broken, metrics: Metrics) -> None:
    """`kill -9` now."""
    bridge = next((backend for backend in stage.balancer.backends if backend.name == victim), None)
    if bridge is not None:
        # What it counted dies with it.
        await metrics.scrape(stage)
    await stage.supervisor.kill(victim)
    broken.kills[victim] += 1
    if bridge is not None:
        await asyncio.to_thread(feed, stage, bridge, broken.fed)


async def rolling_restart(stage: Stage, after: float, broken: Broken, metrics: Metrics) -> None:
    """SIGTERM, as a deploy does, to one bridge after the other, so many seconds from now."""
    await asyncio.sleep(after)
    for backend in stage.balancer.backends:
        part = stage.supervisor.parts[backend.name]
        await stage.supervisor.await_ready(part)
        await metrics.scrape(stage)
        assert part.process is not None
        gone = asyncio.create_task(part.process.wait())
        part.terminate()
        await gone
        await stage.supervisor.await_ready(part)
        broken.restarts += 1


async def misbehave(stage: Stage, rng: random.Random, broken: Broken) -> None:
    """Arm faults until cancelled."""
    while True:
        await asyncio.sleep(rng.uniform(0.5, 1.5) * FAULT_EVERY_S)
        response = await stage.simulators.post("/sim/faults", json=_fault(rng))
        response.raise_for_status()
        broken.faults += 1


def _fault(rng: random.Random) -> dict[str, Any]:
    prefix = rng.choices((TWILIO, PAGERDUTY), (3, 1))[0]
    fault: dict[str, Any] = rng.choice(
        [
            {"delay_ms": 800},
            {"status": 429, "headers": {"Retry-After": "1"}},
            {"status": 503},
            {"status": 500, "after": True},
            {"delay_ms": ANSWER_LOST_MS[prefix], "after": True},
            {"cut": True, "after": True},
            {"cut": True},
        ]
    )
    return {"prefix": prefix, "method": rng.choice(["", "POST"]), **fault}
