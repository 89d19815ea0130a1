"""First audio with the control plane up and down, in alternation: the same scripted turns, and nothing lost afterwards.

Down means killed and kept away: Temporal and the worker, and in every second round Postgres too. The turns that are
compared with Postgres down are those that look nothing up, for the help centre is in the same database.
"""

import asyncio
import base64
import contextlib
import statistics
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from temporalio.service import RPCError

from firstline import names
from firstline.domain.turn import Turn
from workers.bench.lifecycle.carrier import Phones, live_legs
from workers.bench.lifecycle.stage import Stage
from workers.bench.lifecycle.words import spoken

CALLERS = 6
"""At a time."""
SENTENCES = ("How do I reset my password?", "Thank you, that helps.", "How do I add a teammate?", "All right, thanks.")
"""Every second one looks something up."""
PLAIN = ("Good morning.", "Thank you, that helps.", "I see.", "All right, thanks.")
"""None of these does: a look-up that has to wait for its database would get into the next turn's way."""
SENTENCE_MS = 800
CONTROL_PLANE = ("worker", "temporal")


@dataclass
class Batch:
    """Callers of one state of the stack."""

    sids: list[str]
    turns: list[list[Turn]] = field(default_factory=list)

    def first_audio(self, looking_up: bool) -> list[float]:
        """ms of every turn that did, or did not, look something up."""
        told = (turn for turns in self.turns for turn in turns if turn.timing.first_audio_ms is not None)
        return [turn.timing.first_audio_ms or 0.0 for turn in told if bool(turn.tools) is looking_up]


async def compare(stage: Stage, rounds: int) -> dict[str, Any]:
    """The section of the report."""
    up, temporal_down, both_down = [], [], []
    for _ in range(rounds):
        up.append(await _batch(stage))
        async with _down(stage, CONTROL_PLANE):
            temporal_down.append(await _batch(stage))
            await _lose_a_bridge(stage)
        up.append(await _batch(stage))
        async with _down(stage, (*CONTROL_PLANE, "postgres")):
            both_down.append(await _batch(stage, PLAIN))
            await _lose_a_bridge(stage)
    batches = [*up, *temporal_down, *both_down]
    await _delivered(stage, batches)
    looked_up = _p50(up, True), _p50(temporal_down, True)
    plain = _p50(up, False), _p50(both_down, False)
    turns = [turns for batch in batches for turns in batch.turns]
    return {
        "first_audio_ratio_temporal_down": round(looked_up[1] / looked_up[0], 2),
        "first_audio_ratio_temporal_and_postgres_down": round(plain[1] / plain[0], 2),
        "first_audio_p50_up_ms": looked_up[0],
        "first_audio_p50_temporal_down_ms": looked_up[1],
        "first_audio_p50_without_lookup_up_ms": plain[0],
        "first_audio_p50_temporal_and_postgres_down_ms": plain[1],
        "turns_spoken": len(turns) * len(SENTENCES),
        "turns_delivered": sum(len(told) for told in turns),
        "turns_out_of_order": sum([turn.number for turn in told] != sorted(t.number for t in told) for told in turns),
    }


async def _batch(stage: Stage, sentences: tuple[str, ...] = SENTENCES) -> Batch:
    sounds = [base64.b64encode(spoken(text, SENTENCE_MS)).decode("ascii") for text in sentences]
    behaviour = {"turns": sounds, "patience_ms": 300, "hang_up_patience_ms": 800, "give_up_ms": 60_000}
    phones = Phones(stage)
    sids = [await phones.place(f"+1213555{number:04d}", behaviour) for number in range(CALLERS)]
    while await live_legs(stage):  # noqa: ASYNC110 - the carrier is another process
        await asyncio.sleep(0.2)
    return Batch(sids)


@contextlib.asynccontextmanager
async def _down(stage: Stage, parts: tuple[str, ...]) -> AsyncIterator[None]:
    for part in parts:
        stage.supervisor.hold_down(part)
    try:
        yield
    finally:
        for part in reversed(parts):
            await stage.supervisor.release(part)


async def _lose_a_bridge(stage: Stage) -> None:
    """What it has on disk must reach the workflows all the same."""
    backend = stage.balancer.backends[0]
    await stage.supervisor.kill(backend.name)
    await stage.supervisor.await_ready(stage.supervisor.parts[backend.name])


async def _delivered(stage: Stage, batches: list[Batch]) -> None:
    """Read the turns of every call once its workflow has closed."""
    client = await stage.temporal()
    for batch in batches:
        for sid in batch.sids:
            handle = client.get_workflow_handle(names.call_workflow_id(sid))
            while True:
                with contextlib.suppress(RPCError, RuntimeError):
                    await handle.result()
                    batch.turns.append(await handle.query(names.TURNS_QUERY, result_type=list[Turn]))
                    break
                await asyncio.sleep(0.5)


def _p50(batches: list[Batch], looking_up: bool) -> float:
    values = [ms for batch in batches for ms in batch.first_audio(looking_up)]
    return round(statistics.median(values), 1) if values else float("nan")
