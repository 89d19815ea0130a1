"""The same turns with searching ahead and without, through one bridge process, in alternation."""

import asyncio
from collections.abc import Callable
from typing import Any

from workers.bench.bridge.phones import Phones
from workers.bench.bridge.process import UnderTest, cores_apart, running
from workers.bench.first_audio.model import DrawnModel, Held
from workers.bench.first_audio.stages import LOOKED_UP, STAGES_MS, Draw, draw, spread, total

Tell = Callable[[str], None]


async def run_first_audio_bench(calls: int, turns: int, seed: int, tell: Tell = lambda line: None) -> dict[str, Any]:
    """Hold `turns` turns in each of `calls` concurrent calls, twice: searching ahead, and not. Times in ms."""
    model = DrawnModel(seed, calls, turns)
    await model.start()
    try:
        with cores_apart() as core:
            async with running("under_test", model.url, core, str(seed)) as bridge:
                passes = {}
                for name, speculate in (("on", "1"), ("off", "0")):
                    tell(f"searching ahead {name}: {calls} calls, {turns} turns each")
                    passes[name] = await _pass(model, bridge, calls, speculate)
    finally:
        await model.close()
    drawn = [draw(seed, call, turn) for call in range(calls) for turn in range(turns)]
    return _report(calls, turns, seed, drawn, passes)


async def _pass(model: DrawnModel, bridge: UnderTest, calls: int, speculate: str) -> dict[str, Any]:
    model.begin()
    phones = Phones(bridge.media_url, bridge.signature)
    await phones.ring(calls, speculate=speculate)
    await model.all_over()
    await phones.hang_up()
    # The bridge closes its sessions; the next pass must not be counted with these.
    await asyncio.sleep(0.5)
    return _figures(model.held, phones.figures.first_heard)


def _figures(held: Held, heard: dict[int, float]) -> dict[str, Any]:
    """First audio: from where the end of the caller's speech could be told to the agent's first sound in their ear."""
    first, over = [], []
    for turn in held.turns:
        ms = (heard[turn.number] - turn.ended_at + turn.drawn["egress"]) * 1000
        first.append(ms)
        over.append(ms - total(turn.drawn, without=LOOKED_UP if turn.there else ()))
    return {
        "turns": len(held.turns),
        "first_audio_ms": spread(first),
        "over_own_draws_ms": {**spread(over), "max": round(max(over), 1)},
        "script_late_ms": spread(turn.late_ms for turn in held.turns),
        "passages_there": round(sum(turn.there for turn in held.turns) / len(held.turns), 3),
        "asked_by_model": held.asked,
        "quoted": held.quotes,
    }


def _report(calls: int, turns: int, seed: int, drawn: list[Draw], passes: dict[str, dict[str, Any]]) -> dict[str, Any]:
    in_line = spread(total(each) for each in drawn)
    bare = spread(total(each, without=LOOKED_UP) for each in drawn)
    on, off = passes["on"]["first_audio_ms"], passes["off"]["first_audio_ms"]
    return {
        "calls": calls,
        "turns_a_call": turns,
        "seed": seed,
        "stages_ms": {stage: {"p50": p50, "p95": p95} for stage, (p50, p95) in STAGES_MS.items()},
        "drawn": {"all_stages_ms": in_line, "without_retrieval_ms": bare},
        **passes,
        "on_over_drawn_ms": {q: round(on[q] - bare[q], 1) for q in bare},
        "off_over_drawn_ms": {q: round(off[q] - in_line[q], 1) for q in in_line},
        "saved_ms": {q: round(off[q] - on[q], 1) for q in on},
    }
