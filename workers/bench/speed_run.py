"""The run of the speed benchmark: a corpus, and collections of rising size made of it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from firstline.adapters.postgres import Pool
from firstline.knowledge.embed import Embedder
from firstline.knowledge.errors import CorpusError
from firstline.knowledge.store import Collection, check_model, find_collection
from firstline.settings import Settings
from workers.bench.database import bench_pool
from workers.bench.growth import count, grown
from workers.bench.retrieval import ingest_set, own_collection
from workers.bench.retrieval_set import RetrievalSet, read_set
from workers.bench.speed import Sized, measure_speed
from workers.wiring_knowledge import embedding_model


@dataclass(frozen=True)
class Plan:
    """What is measured."""

    sizes: Sequence[int]
    """In articles; none: as large as the corpus."""
    seconds: float
    """How long each rate is kept up."""
    ceiling: bool
    """Whether the highest rate is looked for, at each size."""
    corpus: str
    """A collection that was ingested already, in the configured database; empty: the set is ingested first."""


async def run_speed(settings: Settings, folder: Path, plan: Plan, console: Console) -> dict[str, Any]:
    """Ask the questions of the set at `folder`, at each size; what it makes in the database is gone afterwards.

    Raises `CorpusError` for a folder that is no retrieval set and for a collection that is not there.
    """
    chosen = read_set(folder)
    questions = [query.words for query in chosen.queries]
    sized: list[Sized] = []
    async with bench_pool(settings, console) as pool:
        embedder = embedding_model(settings, threads=1)
        try:
            async with _source(pool, embedder, chosen, plan, console) as source:
                for size in plan.sizes or [await _size(pool, source)]:
                    console.print(f"  {size:,} articles …")
                    async with own_collection(pool) as name:
                        async with pool.connection() as connection:
                            collection = await grown(connection, source, name, size)
                        sized.append(
                            await measure_speed(
                                pool, embedder, collection, questions, plan.seconds, ceiling=plan.ceiling
                            )
                        )
        finally:
            embedder.close()
    return {"set": chosen.name, "sizes": sized}


@asynccontextmanager
async def _source(
    pool: Pool, embedder: Embedder, chosen: RetrievalSet, plan: Plan, console: Console
) -> AsyncIterator[Collection]:
    if plan.corpus:
        yield await _found(pool, embedder, plan.corpus)
        return
    async with own_collection(pool) as name:
        # Never more than the largest size needs: embedding is what takes long.
        few = replace(chosen, articles=chosen.articles[: max(plan.sizes, default=len(chosen.articles))])
        await ingest_set(pool, embedder, few, name, console)
        yield await _found(pool, embedder, name)


async def _found(pool: Pool, embedder: Embedder, name: str) -> Collection:
    async with pool.connection() as connection:
        collection = await find_collection(connection, name)
    if collection is None:
        raise CorpusError(f"there is no collection {name!r}: run firstline ingest PATH --collection {name}")
    check_model(collection, embedder)
    return collection


async def _size(pool: Pool, collection: Collection) -> int:
    async with pool.connection() as connection:
        return await count(connection, collection)
