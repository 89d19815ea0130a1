"""Search: the nearest 40 chunks by meaning and the best 40 by words from Postgres in one question, fused, reranked."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

import psycopg
import structlog
from pgvector import HalfVector
from psycopg.rows import class_row
from psycopg_pool import PoolTimeout

from firstline.domain.confidence import confidence, weights_for
from firstline.domain.passages import Passage, SearchResult
from firstline.knowledge.cross_encoder import Reranker, read_again
from firstline.knowledge.embed import Embedder
from firstline.knowledge.errors import CorpusError
from firstline.knowledge.fuse import fuse
from firstline.knowledge.mirror import MirrorWatch
from firstline.knowledge.queries import DEEP_ENOUGH, search_statement
from firstline.knowledge.rerank import Asking, evidence_of, order_for, rerank
from firstline.knowledge.spoken import compounds, question_of
from firstline.knowledge.store import Collection, Connection, Pool, check_model, find_collection
from firstline.ports import PortError

log = structlog.get_logger()

MAX_QUERY = 2_000
"""Characters of a question that are looked at; nobody asks for longer, and the model reads 512 tokens."""


class PostgresKnowledge:
    """The help centre behind `ports.Knowledge`. Keeps no state but which collection it searches."""

    def __init__(
        self,
        pool: Pool,
        embedder: Embedder,
        collection: str,
        *,
        reranker: Reranker | None = None,
        mirror: MirrorWatch | None = None,
    ) -> None:
        """`reranker` reads again what the built-in order puts first; `mirror` is told what was asked."""
        self._reranker = reranker
        self._pool = pool
        self._mirror = mirror
        self._embedder = embedder
        self._name = collection
        # Known after the first search, and looked at again when an ingest has switched to a new version.
        self._collection: Collection | None = None
        self._asking: set[asyncio.Task[list[Passage]]] = set()

    async def search(self, query: str, *, k: int = 5, language: str | None = None) -> SearchResult:
        """The best `k` passages; none for a question without content.

        `language` narrows to articles in it, where the collection has any; with an embedding model that crosses
        languages, an article in another one is found too, and is first where it is nearer.
        Raises `CorpusError` when the collection is missing or of another model, `PortError` when the database does not
        answer.
        """
        started = time.perf_counter()
        text = _searchable(query)
        if not any(character.isalnum() for character in text):
            return SearchResult(query, [], None, 0.0, {"total": _ms(started)})
        vector = await self._embedder.query(text)
        embedded = time.perf_counter()
        asking = Asking(self._embedder.languages, order_for(self._embedder.name), language)
        narrowed = None if asking.order.crosses else language
        found = await self._carried_out(self._find(text, vector, narrowed))
        searched = time.perf_counter()
        if self._mirror is not None:
            nearest = sorted((p for p in found if p.dense_rank is not None), key=lambda p: p.dense_rank or 0)
            self._mirror.saw(self._name, vector, [p.chunk_id for p in nearest], sorted({p.language for p in nearest}))
        fused = fuse(found)
        merged = time.perf_counter()
        passages = rerank(fused, asking)
        if self._reranker is not None:
            passages = await read_again(self._reranker, text, passages)
        evidence = evidence_of(text, passages, asking)
        timings = {
            "embed": (embedded - started) * 1000,
            "search": (searched - embedded) * 1000,
            "fuse": (merged - searched) * 1000,
            "rerank": _ms(merged),
            "total": _ms(started),
        }
        return SearchResult(
            query, passages[:k], evidence, confidence(evidence, weights_for(self._embedder.name)), timings
        )

    async def _carried_out(self, asking: Coroutine[Any, Any, list[Passage]]) -> list[Passage]:
        """To its end even when the caller has given up: a round trip cut off would leave its connection in the middle
        of a pipeline, and it costs ten milliseconds to let it be."""
        task = asyncio.ensure_future(asking)
        self._asking.add(task)
        task.add_done_callback(self._asked)
        return await asyncio.shield(task)

    def _asked(self, task: asyncio.Task[list[Passage]]) -> None:
        self._asking.discard(task)
        # Looked at, lest asyncio complains where nobody waits any more; who waits gets it all the same.
        if not task.cancelled() and isinstance(task.exception(), PortError):
            log.debug("search_failed")

    async def _find(self, text: str, vector: list[float], language: str | None) -> list[Passage]:
        parameters: dict[str, object] = {
            "text": text,
            "compounds": " ".join(compounds(text)),
            "vector": HalfVector(vector).to_text(),
            "language": language,
        }
        try:
            async with self._pool.connection() as connection:
                while True:
                    collection = self._collection or await self._open(connection)
                    found, current = await _ask(connection, collection, parameters)
                    if current == collection.id:
                        return found
                    self._collection = None
        except (psycopg.Error, PoolTimeout) as error:
            raise PortError(f"the knowledge base did not answer: {type(error).__name__}") from error

    async def _open(self, connection: Connection) -> Collection:
        collection = await find_collection(connection, self._name)
        if collection is None:
            raise CorpusError(
                f"there is no collection {self._name!r}: run firstline ingest PATH --collection {self._name}"
            )
        check_model(collection, self._embedder)
        self._collection = collection
        return collection


async def _ask(
    connection: Connection, collection: Collection, parameters: dict[str, object]
) -> tuple[list[Passage], int | None]:
    """What a version holds, and the id of the version that is searched now; None when the collection is gone.

    One round trip: the settings and the look at the version travel with the question.
    """
    async with connection.pipeline(), connection.transaction():
        await connection.execute(DEEP_ENOUGH)
        current = await connection.execute(
            "select id from collections where name = %s and state = 'active'", (collection.name,)
        )
        cursor = connection.cursor(row_factory=class_row(Passage))
        await cursor.execute(search_statement(collection), parameters)
        found = await cursor.fetchall()
        row = await current.fetchone()
    return found, row[0] if row else None


def _searchable(query: str) -> str:
    """What Postgres and the model can read of it: valid UTF-8, no NUL, not endless."""
    if len(query) > MAX_QUERY:
        log.warning("question_cut", characters=len(query), kept=MAX_QUERY)
    return question_of(query[:MAX_QUERY].replace("\x00", " ").encode("utf-8", "ignore").decode())


def _ms(since: float) -> float:
    return (time.perf_counter() - since) * 1000
