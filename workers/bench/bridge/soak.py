"""Calls that come and go for a long time through one bridge: whatever grows does not belong there."""

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np

from workers.bench.bridge.inside import ask
from workers.bench.bridge.model import ScriptedModel
from workers.bench.bridge.phones import Phones
from workers.bench.bridge.process import UnderTest, cores_apart, running

CALL_S = 60.0
"""How long a call lasts before another takes its place."""
SAMPLES = 40
WARM_UP, WARM_UP_CALLS = 0.2, 1.5
"""Share of the time, and lengths of a call, in which caches and pools fill and calls come to be of every age."""
GREW_SHARE = 0.01
"""What is no more than this share above what it was is as flat as an allocator is: 1 MiB of a bridge's 100."""
WATCHED = ("rss_mib", "fds", "threads", "tasks", "blocks", "spool", "live_calls", "p99_ms")
MUST_NOT_GROW = WATCHED[:-1]
"""All of them that belong to the process; how fast it is depends on what else the machine does."""

Tell = Callable[[str], None]


async def run_soak(calls: int, minutes: float, tell: Tell = lambda line: None) -> dict[str, Any]:
    """Keep `calls` calls going, each replaced after a minute; what was watched, and what of it grew."""
    model = ScriptedModel()
    await model.start()
    samples: list[dict[str, Any]] = []
    try:
        with cores_apart() as core:
            async with running("under_test", model.url, core, "0") as bridge:
                samples.append(
                    {"minute": 0.0, "calls_ended": 0, "p99_ms": 0.0, **await ask(bridge.process, bridge.home)}
                )
                await _go_on(bridge, model, calls, minutes, samples, tell)
    finally:
        await model.close()
    return {"calls": calls, "minutes": minutes, "samples": samples, **growth(samples)}


async def _go_on(
    bridge: UnderTest, model: ScriptedModel, calls: int, minutes: float, samples: list[dict[str, Any]], tell: Tell
) -> None:
    phones = Phones(bridge.media_url, bridge.signature)
    await phones.ring(calls)
    pause, clock = max(2.0, minutes * 60 / SAMPLES), asyncio.get_running_loop().time
    began, ended, owed = clock(), 0, 0.0
    while clock() - began < minutes * 60:
        await asyncio.sleep(pause)
        owed += calls * pause / CALL_S
        ended += int(owed)
        await phones.replace(int(owed))
        owed -= int(owed)
        sample = {"minute": round((clock() - began) / 60, 2), "calls_ended": ended, "p99_ms": _p99(model, phones)}
        samples.append({**sample, **await ask(bridge.process, bridge.home)})
        tell("  ".join(f"{name} {value}" for name, value in samples[-1].items()))
    await phones.hang_up()


def _p99(model: ScriptedModel, phones: Phones) -> float:
    """p99 up plus down since the last look; what was measured is forgotten, or the bench itself would grow."""
    both = [np.percentile(values, 99) if values else 0.0 for values in (model.figures.up_ms, phones.figures.down_ms)]
    model.figures.forget()
    phones.figures.forget()
    return round(float(sum(both)), 2)


def growth(samples: list[dict[str, Any]]) -> dict[str, Any]:
    """Median of the last third less that of the first third, both after the warm-up; and by call that ended between.

    `growing` names what climbed by more than its ups and downs explain: empty is what a soak should say.
    """
    from_minute = min(max(WARM_UP * samples[-1]["minute"], WARM_UP_CALLS * CALL_S / 60), samples[-1]["minute"] / 2)
    settled = [sample for sample in samples if sample["minute"] >= from_minute]
    third = max(1, len(settled) // 3)
    first, last = settled[:third], settled[-third:]

    def median(of: list[dict[str, Any]], name: str) -> float:
        return float(np.median([sample[name] for sample in of]))

    def ups_and_downs(name: str) -> float:
        values = [sample[name] for sample in first]
        return float(max(values) - min(values))

    grew = {name: round(median(last, name) - median(first, name), 2) for name in WATCHED}
    # What leaks climbs from the first third to the last by twice what it climbs within one.
    growing = [
        name for name in MUST_NOT_GROW if grew[name] > max(GREW_SHARE * median(first, name), 1.5 * ups_and_downs(name))
    ]
    ended = median(last, "calls_ended") - median(first, "calls_ended")
    per_call = round(grew["rss_mib"] * 1024 / ended, 2) if ended else None
    return {
        "grew": grew,
        "growing": growing,
        "calls_ended": samples[-1]["calls_ended"],
        "rss_kib_per_ended_call": per_call,
    }
