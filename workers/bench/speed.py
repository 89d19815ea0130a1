"""How fast a collection is searched as it grows: at one rate, and how far the rate goes."""

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
from pgvector import HalfVector
from psycopg import sql
from rich.console import Console
from rich.table import Table

from firstline.adapters.postgres import Pool
from firstline.knowledge.embed import Embedder
from firstline.knowledge.queries import DEEP_ENOUGH, DEPTH
from firstline.knowledge.search import PostgresKnowledge
from firstline.knowledge.store import Collection, Connection, index_names
from workers.bench.cpu_split import CpuSplit, Watch
from workers.bench.growth import count
from workers.bench.open_loop import LIMIT_MS, Ceiling, Load, find_ceiling, search_at
from workers.bench.quality import SEED

RATE = 20.0
"""Searches a second at which sizes are compared."""
EXACT = 200
"""Questions for which the index is compared with exact search."""
_WARM = 60
"""Searches before anything counts: connections made, statements planned for good, pages read."""


@dataclass(frozen=True)
class Sized:
    """What was measured at one size."""

    articles: int
    chunks: int
    load: Load
    cpu: CpuSplit
    index_recall_at_40: float
    """The share of the 40 nearest chunks by exact search that the index finds."""
    megabytes: dict[str, float]
    """`vectors`: the HNSW index; `words`: the word index; `chunks`: the table with its texts, all collections'."""
    ceiling: Ceiling | None
    """None when it was not asked for."""


async def measure_speed(
    pool: Pool, embedder: Embedder, collection: Collection, questions: list[str], seconds: float, *, ceiling: bool
) -> Sized:
    """Search a collection at `RATE`, compare its index with exact search, and look how far the rate goes."""
    knowledge = PostgresKnowledge(pool, embedder, collection.name)
    asked = random.Random(SEED).sample(questions, len(questions))
    await search_at(knowledge, embedder, asked[::-1], RATE, _WARM / RATE)
    watch = await Watch.begin(pool)
    load = await search_at(knowledge, embedder, asked, RATE, seconds)
    cpu = await watch.split(load.searches)
    async with pool.connection() as connection:
        recall = await _index_recall(connection, collection, embedder, asked[:EXACT])
        sizes = await _megabytes(connection, collection)
        articles, chunks = [await count(connection, collection, table) for table in ("articles", "chunks")]
    tried = (
        await find_ceiling(lambda rate: search_at(knowledge, embedder, asked, rate, seconds), RATE) if ceiling else None
    )
    return Sized(articles, chunks, load, cpu, recall, sizes, tried)


def show_speed(report: dict[str, Any], console: Console) -> None:
    """Print it: a row a size, then the rates that were tried."""
    console.print(f"{RATE:.0f} searches a second, open loop, embedding included; p50 and p95 in ms, CPU in ms a search")
    heads = ("articles", "chunks", "p50", "p95", "Postgres", "Python", "recall@40", "vectors MB", "words MB")
    table = Table(*heads, box=None, pad_edge=False)
    for one in report["sizes"]:
        table.add_row(*_row(one))
    console.print(table)
    for one in report["sizes"]:
        if one.ceiling:
            tried = ", ".join(f"{step.rate:g}/s {step.p95_ms:.0f} ms" for step in one.ceiling.steps)
            console.print(f"{one.articles:,} articles, p95 by rate: {tried}")
            console.print(f"  highest rate with p95 under {LIMIT_MS:.0f} ms: {one.ceiling.highest_rate or 'none'}")


def _row(one: Sized) -> list[str]:
    postgres = "—" if one.cpu.postgres_ms is None else f"{one.cpu.postgres_ms:.1f}"
    times = [f"{ms:.0f}" for ms in (one.load.p50_ms, one.load.p95_ms)]
    sizes = [f"{one.megabytes[name]:.0f}" for name in ("vectors", "words")]
    counts = [f"{one.articles:,}", f"{one.chunks:,}"]
    return [*counts, *times, postgres, f"{one.cpu.python_ms:.1f}", f"{one.index_recall_at_40:.3f}", *sizes]


async def _index_recall(
    connection: Connection, collection: Collection, embedder: Embedder, questions: list[str]
) -> float:
    shares = []
    for question in questions:
        vector = HalfVector(await embedder.query(question)).to_text()
        found = await _nearest(connection, collection, vector, exact=False)
        exact = await _nearest(connection, collection, vector, exact=True)
        shares.append(len(found & exact) / max(len(exact), 1))
    return float(np.mean(shares))


async def _nearest(connection: Connection, collection: Collection, vector: str, *, exact: bool) -> set[str]:
    async with connection.transaction():
        await connection.execute(DEEP_ENOUGH)
        await connection.execute("select set_config('enable_indexscan', %s, true)", ("off" if exact else "on",))
        rows = await connection.execute(
            sql.SQL(
                "select id from chunks where collection_id = {collection}"
                " order by embedding::halfvec({dimension}) <=> %s::halfvec({dimension}) limit {depth}"
            ).format(
                collection=sql.Literal(collection.id),
                dimension=sql.Literal(collection.dimension),
                depth=sql.Literal(DEPTH),
            ),
            (vector,),
        )
        return {identity for (identity,) in await rows.fetchall()}


async def _megabytes(connection: Connection, collection: Collection) -> dict[str, float]:
    cursor = await connection.execute(
        "select pg_relation_size(%s) / 1e6, pg_relation_size(%s) / 1e6, pg_table_size('chunks') / 1e6",
        index_names(collection.id),
    )
    row = await cursor.fetchone()
    assert row is not None  # sizes always come
    return {name: float(size) for name, size in zip(("vectors", "words", "chunks"), row, strict=True)}
