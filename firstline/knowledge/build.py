"""Builds a version of a corpus part by part, from a snapshot: `ports_corpus.CorpusBuilder` over Postgres."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import psycopg
from psycopg_pool import PoolTimeout

from firstline.domain.ingest import Completed, IngestProgress, IngestRequest, PartRequest
from firstline.knowledge.embed import Embedder
from firstline.knowledge.ingest import IngestRunning, alone, batches, complete, known_articles
from firstline.knowledge.mirror import mirror_version, writes
from firstline.knowledge.snapshot import read_part
from firstline.knowledge.store import Connection, Pool, content_hash, remove, save
from firstline.knowledge.versions import open_version
from firstline.ports import ObjectStore, PortError
from firstline.ports_corpus import VectorMirror

NAMED = 100
"""Vanished articles whose ids are reported; the rest are only counted."""


class PostgresCorpusBuilder:
    """Keeps no state but the embedding model, which is loaded when the first article needs it."""

    def __init__(
        self, pool: Pool, store: ObjectStore, load: Callable[[], Embedder], mirror: VectorMirror | None = None
    ) -> None:
        """`load` blocks for seconds."""
        self._mirror = mirror
        self._pool = pool
        self._store = store
        self._load = load
        self._loading = asyncio.Lock()
        self._embedder: Embedder | None = None

    async def store_part(self, part: PartRequest, tell: Callable[[IngestProgress], None]) -> IngestProgress:
        """See the protocol; a batch is a transaction, so a kill costs one batch."""
        embedder = await self._model()
        articles = await read_part(self._store, part.part)
        async with self._connection(part.collection) as connection:
            ids = [article.id for article in articles]
            known = await known_articles(connection, part.collection, embedder, ids)
            changed = [article for article in articles if known.get(article.id) != content_hash(article)]
            progress = IngestProgress(seen=len(articles), unchanged=len(articles) - len(changed))
            async for batch in batches(embedder, iter(changed)):
                await save(connection, await open_version(connection, part.collection, embedder), batch)
                chunks = sum(len(prepared.chunks) for prepared in batch)
                progress = progress.plus(IngestProgress(stored=len(batch), chunks=chunks))
                tell(progress)
        return progress

    async def complete(self, request: IngestRequest) -> Completed:
        """See the protocol. A second completion finds nothing built, and says which version is searched."""
        embedder = await self._model()
        ids = {article.id for key in request.parts for article in await read_part(self._store, key)}
        async with self._connection(request.collection) as connection:
            known = await known_articles(connection, request.collection, embedder)
            vanished = sorted(known.keys() - ids)
            pruned = bool(vanished) and request.prune and request.complete
            if pruned:
                await remove(connection, await open_version(connection, request.collection, embedder), vanished)
            return Completed(await complete(connection, request.collection), vanished[:NAMED], len(vanished), pruned)

    async def mirror(self, collection: str) -> int:
        """See the protocol."""
        if self._mirror is None:
            return 0
        try:
            async with self._connection(collection) as connection:
                changed = await mirror_version(connection, self._mirror, collection)
        except PortError:
            writes.labels("failed").inc()
            raise
        writes.labels("written").inc()
        return changed

    async def _model(self) -> Embedder:
        async with self._loading:
            if self._embedder is None:
                self._embedder = await asyncio.to_thread(self._load)
            return self._embedder

    @asynccontextmanager
    async def _connection(self, collection: str) -> AsyncIterator[Connection]:
        try:
            async with self._pool.connection() as connection, alone(connection, collection):
                yield connection
        except IngestRunning as error:
            # An attempt that was given up may still hold the lock for a moment: worth a retry.
            raise PortError(str(error)) from error
        except psycopg.errors.DiskFull as error:
            raise PortError("the database's disk is full: make room on it, and the ingest goes on by itself") from error
        except (psycopg.Error, PoolTimeout) as error:
            raise PortError(f"the database did not take it: {type(error).__name__}") from error
