"""One run: callers phone while everything is killed, then it is waited for quiet, and counted."""

import asyncio
import contextlib
import random
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from temporalio.service import RPCError

from workers.bench.lifecycle import breaking, callers, carrier, histories, promises
from workers.bench.lifecycle.down import compare
from workers.bench.lifecycle.metrics import Metrics
from workers.bench.lifecycle.report import report
from workers.bench.lifecycle.spools import set_aside
from workers.bench.lifecycle.stage import Stage, stage

QUIET_WITHIN_S = 240.0
RECONCILED_AFTER_S = 20.0
"""Calls that are over so long and whose workflows are open will not be closed by the carrier."""
LONG_RUN_CALLS = 60
"""From so many calls on there is time for people who are busy at first."""


@dataclass(frozen=True)
class Size:
    """How much of it."""

    calls: int
    kills: int
    seed: int
    seconds: float
    """Over which the calls begin."""
    faults: bool = True
    restarts: bool = True
    """Both bridges are restarted one after the other, as a deploy does."""
    rounds: int = 0
    """Of calls with the control plane up and down."""

    @property
    def busy(self) -> bool:
        """Whether some people need a second call."""
        return self.calls >= LONG_RUN_CALLS


async def run_lifecycle_bench(size: Size, console: Console, keep: bool = False) -> dict[str, Any]:
    """The report; `keep` leaves logs and state. Raises `StackError` when the stack does not come up or stays down."""
    # Not below a home folder: Postgres, which does not run as root, has to reach it.
    home = Path(tempfile.mkdtemp(prefix="firstline-lifecycle-"))
    try:
        async with stage(home, console) as built:
            figures = await _run(size, built, console) if size.calls else {"seed": size.seed, "calls": 0}
            if size.rounds:
                console.print(f"  {size.rounds} rounds with the control plane up and down …")
                figures |= await compare(built, size.rounds)
            return figures
    finally:
        if keep:
            console.print(f"  logs and state: {home}")
        else:
            shutil.rmtree(home, ignore_errors=True)


async def _run(size: Size, stage: Stage, console: Console) -> dict[str, Any]:
    rng = random.Random(size.seed)
    drawn = callers.draw(size.calls, size.seconds, rng, size.busy)
    phones, broken, metrics = carrier.Phones(stage), breaking.Broken(), Metrics()
    await phones.people(callers.reps(rng, size.calls))
    when = breaking.plan(size.kills, size.seconds, rng)
    began = time.time()
    telling = asyncio.create_task(_tell(stage, phones, broken, console))
    faults = asyncio.create_task(breaking.misbehave(stage, rng, broken)) if size.faults else None
    try:
        work = [phones.ring(drawn), breaking.kill_all(stage, when, broken, metrics)]
        if size.restarts:
            after = size.seconds * breaking.KILLS_UNTIL
            work.append(breaking.rolling_restart(stage, after, broken, metrics))
        await asyncio.gather(*work)
        loaded = time.time() - began
        if faults is not None:
            faults.cancel()
            await asyncio.gather(faults, return_exceptions=True)
        quiet = await _quiet(stage, console)
    finally:
        telling.cancel()
    await metrics.scrape(stage)
    seen, written = await carrier.look(stage), await histories.read(await stage.temporal())
    verdict = promises.decide(seen, written, drawn)
    return report(size, verdict, seen, written, broken, metrics, await _left(stage), set_aside(stage), loaded, quiet)


async def _quiet(stage: Stage, console: Console) -> float:
    """Wait until all calls are over, all workflows closed and all spools empty; seconds it took."""
    began = over = time.monotonic()
    reconciled = False
    while time.monotonic() - began < QUIET_WITHIN_S:
        with contextlib.suppress(RPCError, RuntimeError, httpx.HTTPError):
            live, open_ = await carrier.live_legs(stage), await histories.still_open(await stage.temporal())
            over = time.monotonic() if live else over
            if not live and not open_ and sum((await _left(stage)).values()) == 0:
                break
            if not reconciled and time.monotonic() - over > RECONCILED_AFTER_S:
                # Whose end nobody told because no bridge was there: the product looks for them every ten minutes.
                await (await stage.temporal()).get_schedule_handle(histories.RECONCILER).trigger()
                reconciled = True
        await asyncio.sleep(1)
    else:
        console.print("  [yellow]![/] it did not become quiet: what is open counts as unclosed")
    return time.monotonic() - began


async def _left(stage: Stage) -> dict[str, int]:
    """Facts in each bridge's spool; one that does not answer has at least one."""
    left = {}
    for backend in stage.balancer.backends:
        answer = await stage.ask_bridge(backend, "/healthz")
        left[backend.name] = int(answer.json()["spool_depth"]) if answer is not None else 1
    return left


async def _tell(stage: Stage, phones: carrier.Phones, broken: breaking.Broken, console: Console) -> None:
    """Say every few seconds how far it is."""
    began = time.monotonic()
    while True:
        await asyncio.sleep(5)
        with contextlib.suppress(httpx.HTTPError, RPCError, RuntimeError):
            live, open_ = await carrier.live_legs(stage), await histories.still_open(await stage.temporal())
            console.print(
                f"  {time.monotonic() - began:4.0f} s   {phones.placed} calls placed, {live} live, "
                f"{open_} workflows open, {sum(broken.kills.values())} kills, {broken.faults} faults"
            )
