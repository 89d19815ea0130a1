"""Searches at a rate, open loop: a slow answer does not spare the system the next question."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import numpy as np

from firstline.knowledge.embed import Embedder, LocalEmbedder
from firstline.knowledge.search import PostgresKnowledge

LIMIT_MS = 96.0
"""The case study's p95 of retrieval."""
HOPELESS_MS = 1_000.0
"""A rate at which some search takes longer is given up: the rest would only wait, and then time out."""
_FASTER = 1.5
_NEAR_ENOUGH = 1.06


@dataclass(frozen=True)
class Load:
    """One rate. A search's time counts from when it should have begun."""

    rate: float
    searches: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    embed_p95_ms: float
    database_p95_ms: float


@dataclass(frozen=True)
class Ceiling:
    """The search for the highest rate: every rate that was tried, in order."""

    steps: list[Load]
    highest_rate: float | None
    """Searches a second that kept p95 under `LIMIT_MS`; None when not even the first did."""


async def search_at(
    knowledge: PostgresKnowledge, embedder: Embedder, questions: Sequence[str], rate: float, seconds: float
) -> Load:
    """Ask at `rate` a second for so long; no question finds its vector remembered."""
    totals: list[float] = []
    stages: list[dict[str, float]] = []

    async def one(question: str, due: float) -> None:
        stages.append((await knowledge.search(question)).timings)
        totals.append((time.perf_counter() - due) * 1000)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(int(rate * seconds)):
            if number % len(questions) == 0 and isinstance(embedder, LocalEmbedder):
                embedder.forget()
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            if totals and totals[-1] > HOPELESS_MS:
                break
            group.create_task(one(questions[number % len(questions)], due))
    p50, p95, p99 = (float(p) for p in np.percentile(totals, [50, 95, 99]))
    embed, database = (float(np.percentile([s[stage] for s in stages], 95)) for stage in ("embed", "search"))
    return Load(rate, len(totals), p50, p95, p99, embed, database)


async def find_ceiling(at: Callable[[float], Awaitable[Load]], first: float) -> Ceiling:
    """Half as fast again until p95 reaches the limit, then halve the interval until it is within 6 %."""
    steps = [await at(first)]
    good, bad = (first, None) if steps[0].p95_ms < LIMIT_MS else (None, first)
    while good is not None and (bad is None or bad / good > _NEAR_ENOUGH):
        rate = round(good * _FASTER if bad is None else (good + bad) / 2, 1)
        steps.append(await at(rate))
        if steps[-1].p95_ms < LIMIT_MS:
            good = rate
        else:
            bad = rate
    return Ceiling(steps, good)
