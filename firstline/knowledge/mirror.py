"""The mirror beside Postgres: written after every ingest, asked a share of the questions, never waited for."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence

import structlog
from pgvector import HalfVector
from prometheus_client import Counter, Histogram

from firstline.knowledge.store import Collection, Connection, find_collection
from firstline.ports import PortError
from firstline.ports_corpus import MirroredChunk, VectorMirror

log = structlog.get_logger()

COMPARED = 5
"""Passages that reach the model: what the two are compared by."""
AT_ONCE = 8
"""Comparisons under way; when the mirror is slow, further ones are skipped, not queued."""
_READ = 500

queries = Counter("firstline_mirror_queries_total", "Questions for the mirror, by what came of them", ["result"])
overlap = Histogram(
    "firstline_mirror_overlap", "Share of the five nearest chunks that both found", buckets=[0, 0.2, 0.4, 0.6, 0.8, 1]
)
seconds = Histogram("firstline_mirror_seconds", "How long the mirror took for a question")
read_units = Counter("firstline_mirror_read_units_total", "What the mirror's answers cost, in its own units")
writes = Counter("firstline_mirror_writes_total", "Ingests brought to the mirror, by what came of them", ["result"])


class MirrorWatch:
    """Asks the mirror what was just asked here, in the background, and keeps count."""

    def __init__(self, mirror: VectorMirror, share: float, *, seed: int | None = None) -> None:
        """`share` of the questions, 0..1."""
        self._mirror = mirror
        self._share = share
        self._draw = random.Random(seed)
        self._running: set[asyncio.Task[None]] = set()

    def saw(self, namespace: str, vector: list[float], ids: Sequence[str], languages: Sequence[str]) -> None:
        """A question was answered here by these chunks, nearest first. Returns at once, whatever the mirror does."""
        if self._draw.random() >= self._share:
            return
        if len(self._running) >= AT_ONCE:
            queries.labels("skipped").inc()
            return
        task = asyncio.create_task(self._compare(namespace, vector, list(ids[:COMPARED]), list(languages)))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def settled(self) -> None:
        """Wait for the comparisons under way."""
        await asyncio.gather(*self._running)

    async def _compare(self, namespace: str, vector: list[float], ids: list[str], languages: list[str]) -> None:
        began = time.perf_counter()
        try:
            nearest = await self._mirror.nearest(namespace, vector, COMPARED, languages)
        except PortError as error:
            queries.labels("failed").inc()
            log.warning("mirror_failed", reason=str(error))
            return
        seconds.observe(time.perf_counter() - began)
        read_units.inc(nearest.read_units)
        overlap.observe(len(set(ids) & set(nearest.ids)) / max(len(ids), 1))
        queries.labels("compared").inc()


async def mirror_version(connection: Connection, mirror: VectorMirror, name: str) -> int:
    """Bring the mirror to the version that is searched, by what differs from what it has; vectors put and removed.

    Harmless when repeated. Raises `PortError`; then the version does not count as mirrored, and the next attempt begins
    from the same place.
    """
    active = await find_collection(connection, name)
    if active is None:
        return 0
    before = await _mirrored(connection, name)
    if before is None:
        await mirror.clear(name)
    changed = 0
    if before != active.id:
        async for batch in _only_in(connection, active, before):
            await mirror.put(name, batch)
            changed += len(batch)
        gone = await _ids_only_in(connection, before, active.id)
        await mirror.remove(name, gone)
        changed += len(gone)
    await connection.execute("update collections set mirrored_at = now() where id = %s", (active.id,))
    return changed


async def _mirrored(connection: Connection, name: str) -> int | None:
    cursor = await connection.execute(
        "select id from collections where name = %s and mirrored_at is not null order by mirrored_at desc limit 1",
        (name,),
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def _only_in(
    connection: Connection, active: Collection, before: int | None
) -> AsyncIterator[list[MirroredChunk]]:
    after = ""
    while True:
        cursor = await connection.execute(
            """
            select id, embedding::text, article_id, language from chunks
            where collection_id = %(active)s and id > %(after)s and not exists (
                select from chunks old where old.collection_id = %(before)s and old.id = chunks.id
            )
            order by id limit %(limit)s
            """,
            {"active": active.id, "before": before, "after": after, "limit": _READ},
        )
        rows = await cursor.fetchall()
        if not rows:
            return
        after = rows[-1][0]
        yield [
            MirroredChunk(identity, HalfVector.from_text(vector).to_list(), article, language)
            for identity, vector, article, language in rows
        ]


async def _ids_only_in(connection: Connection, before: int | None, active: int) -> list[str]:
    cursor = await connection.execute(
        "select id from chunks where collection_id = %s and id not in"
        " (select id from chunks where collection_id = %s) order by id",
        (before, active),
    )
    return [identity for (identity,) in await cursor.fetchall()]
