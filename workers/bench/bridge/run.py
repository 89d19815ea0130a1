"""Bare relay and bridge in alternation, each alone on one core, the scripted peers on the other.

Each process has had one call before anything is measured: what it loads with the first one it keeps for all of them.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import psutil

from workers.bench.bridge.model import Pace, ScriptedModel
from workers.bench.bridge.phones import Phones
from workers.bench.bridge.process import cores_apart, running

EDGES_MS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
SETTLE_S = 3.0
"""Not measured: connections are made and greetings played."""
FIRST_CALL_S = 4.5
"""Of the call before: a question, an answer and its interruption, so that everything a turn needs is there."""


@dataclass(frozen=True)
class Figures:
    """One process under one load. Latencies in ms; CPU in seconds per minute of one call."""

    what: str
    calls: int
    up_p50: float
    down_p50: float
    up_p99: float
    down_p99: float
    cpu_s_per_call_minute: float
    core_share: float
    """CPU seconds per second."""
    frames_dropped: int
    rss_mib: float
    memory_per_call_kib: float
    """Resident memory with all calls up, less that after the one before them has ended, by call."""
    histogram: dict[str, int]
    """Upper edge in ms -> frames, both ways together."""
    greeting_p50: float | None = None
    """Twilio's `start` -> first audio at the phone, ms; for the relay, the model's first answer."""
    truncation_error_p50: float | None = None
    """Told to the model less truly heard, ms, in absolute value."""
    truncation_error_max: float | None = None
    first_call_mib: float = 0.0
    """Resident memory after the first call of the process has ended, less that before it: pages of code that are read
    from disk now, thread pools, SQLite's cache. The second call adds none of it."""

    @property
    def added_p99(self) -> float:
        """Up and down together."""
        return self.up_p99 + self.down_p99


async def run_bridge_bench(
    calls: int, seconds: float, rounds: int, *, recordings: bool = True, pace: Pace | None = None
) -> dict[str, Any]:
    """Relay, bridge, relay, bridge …; the figures of each round and the median ratios."""
    pace, options = pace or Pace(), () if recordings else ("mute",)
    runs: list[tuple[Figures, Figures]] = []
    with cores_apart() as core:
        for _ in range(rounds):
            relay = await _measure("bare relay", calls, seconds, core, pace)
            bridge = await _measure("bridge", calls, seconds, core, pace, *options)
            runs.append((relay, bridge))
    ratios = [b.cpu_s_per_call_minute / r.cpu_s_per_call_minute for r, b in runs]
    return {
        "calls": calls,
        "seconds": seconds,
        "recordings": recordings,
        "answer_s": pace.answer_s,
        "turn_every_s": round(pace.turn_s, 1),
        "rounds": [[asdict(r), asdict(b)] for r, b in runs],
        "cpu_ratio": round(float(np.median(ratios)), 2),
        "added_p99_ms": round(float(np.median([b.added_p99 for _, b in runs])), 2),
        "frames_dropped": sum(b.frames_dropped for _, b in runs),
        "memory_per_call_kib": max(b.memory_per_call_kib for _, b in runs),
    }


async def _measure(what: str, calls: int, seconds: float, core: int, pace: Pace, *options: str) -> Figures:
    model = ScriptedModel(pace)
    await model.start()
    module, arguments = ("relay", ()) if what == "bare relay" else ("under_test", ("0", *options))
    try:
        async with running(module, model.url, core, *arguments) as under_test:
            before = under_test.process.memory_info().rss
            await _first_call(Phones(under_test.media_url, under_test.signature))
            first = under_test.process.memory_info().rss - before
            phones = Phones(under_test.media_url, under_test.signature)
            figures = await _load(what, calls, seconds, under_test.process, model, phones)
            return replace(figures, first_call_mib=round(first / 2**20, 1))
    finally:
        await model.close()


async def _first_call(phones: Phones) -> None:
    await phones.ring(1)
    await asyncio.sleep(FIRST_CALL_S)
    await phones.hang_up()
    await asyncio.sleep(1.0)  # its recordings are written


async def _load(
    what: str, calls: int, seconds: float, process: psutil.Process, model: ScriptedModel, phones: Phones
) -> Figures:
    idle = process.memory_info().rss
    await phones.ring(calls)
    await asyncio.sleep(SETTLE_S)
    model.figures.up_ms.clear()
    phones.figures.down_ms.clear()
    sent, received = phones.figures.sent, model.figures.received
    before = process.cpu_times()
    await asyncio.sleep(seconds)
    after = process.cpu_times()
    sent, received = phones.figures.sent - sent, model.figures.received - received
    rss = process.memory_info().rss
    await phones.hang_up()
    cpu = after.user + after.system - before.user - before.system
    errors = [
        abs(told - phones.figures.heard[number])
        for number, told, _ in model.figures.truncations
        if number in phones.figures.heard
    ]
    up, down = model.figures.up_ms, phones.figures.down_ms
    return Figures(
        what=what,
        calls=calls,
        up_p50=_percentile(up, 50),
        down_p50=_percentile(down, 50),
        up_p99=_percentile(up, 99),
        down_p99=_percentile(down, 99),
        cpu_s_per_call_minute=round(cpu / (calls * seconds / 60), 4),
        core_share=round(cpu / seconds, 3),
        # Frames under way at the two moments of counting are not lost.
        frames_dropped=max(0, sent - received - calls),
        rss_mib=round(rss / 2**20, 1),
        memory_per_call_kib=round((rss - idle) / 1024 / calls, 1),
        histogram=_histogram([*up, *down]),
        greeting_p50=_percentile(phones.figures.greeting_ms, 50) if phones.figures.greeting_ms else None,
        truncation_error_p50=_percentile(errors, 50) if errors else None,
        truncation_error_max=round(max(errors), 1) if errors else None,
    )


def _histogram(values: Sequence[float]) -> dict[str, int]:
    counts, _ = np.histogram(values, bins=[0.0, *EDGES_MS, float("inf")])
    return dict(zip([*(f"{edge:g}" for edge in EDGES_MS), "more"], counts.tolist(), strict=True))


def _percentile(values: Sequence[float], q: float) -> float:
    return round(float(np.percentile(values, q)), 3) if values else float("nan")
