"""How fast a collection is searched: open loop, so that a slow answer does not spare the system the next question."""

import asyncio
import random
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from pgvector import HalfVector
from psycopg import sql
from rich.console import Console
from rich.table import Table

from firstline.adapters.postgres import Pool
from firstline.knowledge.embed import Embedder
from firstline.knowledge.errors import CorpusError
from firstline.knowledge.queries import DEEP_ENOUGH, DEPTH
from firstline.knowledge.search import PostgresKnowledge
from firstline.knowledge.store import Collection, Connection, find_collection, index
from workers.bench.quality import SEED

RATES = (5, 20, 30, 40, 60)
"""Searches a second, each for `seconds`; the sweep ends at the first that is hopeless."""
HOPELESS_MS = 1_000.0
EXACT = 200
"""Questions for which the index is compared with exact search."""


@dataclass(frozen=True)
class Load:
    """One rate. A search's time counts from when it should have begun."""

    rate: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    embed_p95_ms: float
    database_p95_ms: float


async def measure_speed(
    pool: Pool, embedder: Embedder, name: str, questions: list[str], seconds: float, console: Console
) -> dict[str, Any]:
    """Sweep the rates over a collection and compare its index with exact search. Raises `CorpusError`."""
    async with pool.connection() as connection:
        collection = await find_collection(connection, name)
        if collection is None:
            raise CorpusError(f"there is no collection {name!r}: run firstline ingest PATH --collection {name}")
        size = await _size(connection, collection)
        knowledge = PostgresKnowledge(pool, embedder, name)
        asked = random.Random(SEED).sample(questions, len(questions))
        for question in asked[:40]:
            await knowledge.search(question)
        loads = []
        for rate in RATES:
            loads.append(await _load(knowledge, asked, rate, seconds))
            console.print(f"  {rate:>3}/s  p50 {loads[-1].p50_ms:.0f} ms  p95 {loads[-1].p95_ms:.0f} ms")
            if loads[-1].p95_ms > HOPELESS_MS:
                break
        recall = await _index_recall(connection, collection, embedder, asked[:EXACT])
    return {"collection": name, **size, "loads": loads, "index_recall_at_40": recall}


async def grow(connection: Connection, collection: Collection, articles: int) -> None:
    """Copies of the collection's articles, their vectors moved by a little noise, until it has so many."""
    have = (await _size(connection, collection))["articles"]
    own = {"collection": collection.id}
    for copy in range(1, -(-articles // have)):
        numbers = {**own, "copy": copy, "left": articles - have * copy}
        await connection.execute(
            "insert into articles (collection_id, id, title, url, language, content_hash, title_embedding)"
            " select collection_id, id || '#' || %(copy)s, title, url, language, content_hash, title_embedding"
            " from articles where collection_id = %(collection)s and id not like '%%#%%' order by id limit %(left)s",
            numbers,
        )
        await connection.execute(
            """
            insert into chunks (collection_id, id, article_id, ordinal, heading, body, language, embedding, words)
            select collection_id, 'kb_' || left(md5(id || %(copy)s), 12), article_id || '#' || %(copy)s, ordinal,
                   heading, body, language, l2_normalize(embedding + noise.vector), words
            from chunks cross join lateral (
                select array_agg((random() - 0.5) * 0.1)::vector::halfvec as vector
                from generate_series(1, vector_dims(embedding)) where chunks.id is not null
            ) noise
            where collection_id = %(collection)s and article_id not like '%%#%%' and exists (
                select from articles copied where copied.collection_id = chunks.collection_id
                    and copied.id = chunks.article_id || '#' || %(copy)s
            )
            """,
            numbers,
        )
    await index(connection, collection)


def show_speed(report: dict[str, Any], console: Console) -> None:
    """Print it."""
    console.print(f"{report['collection']}: {report['articles']:,} articles, {report['chunks']:,} chunks")
    table = Table("searches/s", "p50 ms", "p95 ms", "p99 ms", "embedding p95", "database p95", box=None, pad_edge=False)
    for load in report["loads"]:
        numbers = (load.rate, load.p50_ms, load.p95_ms, load.p99_ms, load.embed_p95_ms, load.database_p95_ms)
        table.add_row(*(f"{number:.0f}" for number in numbers))
    console.print(table)
    console.print(f"the index finds {report['index_recall_at_40']:.3f} of the {DEPTH} that exact search finds")


async def _load(knowledge: PostgresKnowledge, questions: list[str], rate: float, seconds: float) -> Load:
    totals: list[float] = []
    stages: list[dict[str, float]] = []

    async def one(question: str, due: float) -> None:
        stages.append((await knowledge.search(question)).timings)
        totals.append((time.perf_counter() - due) * 1000)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(int(rate * seconds)):
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(one(questions[number % len(questions)], due))
    p50, p95, p99 = (float(p) for p in np.percentile(totals, [50, 95, 99]))
    embed, database = (float(np.percentile([s[stage] for s in stages], 95)) for stage in ("embed", "search"))
    return Load(rate, p50, p95, p99, embed, database)


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


async def _size(connection: Connection, collection: Collection) -> dict[str, int]:
    cursor = await connection.execute(
        "select (select count(*) from articles where collection_id = %(id)s),"
        " (select count(*) from chunks where collection_id = %(id)s)",
        {"id": collection.id},
    )
    row = await cursor.fetchone()
    assert row is not None  # counts always come
    return {"articles": row[0], "chunks": row[1]}
