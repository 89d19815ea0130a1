"""Search: the nearest 40 chunks by meaning and the best 40 by words, one question to Postgres, fused by rank."""

import time
from dataclasses import replace

import psycopg
import structlog
from pgvector import HalfVector
from psycopg import sql
from psycopg.rows import class_row
from psycopg_pool import PoolTimeout

from firstline.domain.confidence import RetrievalEvidence, confidence
from firstline.domain.passages import Passage, SearchResult
from firstline.knowledge.embed import Embedder
from firstline.knowledge.errors import CorpusError
from firstline.knowledge.fuse import reciprocal_rank
from firstline.knowledge.store import Collection, Connection, Pool, check_model, find_collection
from firstline.ports import PortError

log = structlog.get_logger()

DEPTH = 40
"""How many chunks each search contributes."""
MAX_QUERY = 2_000
"""Characters of a question that are looked at; nobody asks for longer, and the model reads 512 tokens."""
AGREEMENT_DEPTH = 5

_SEARCH = """
with spoken as (
    select case when %(language)s = any(languages) then array[%(language)s] else languages end as languages
    from collections where id = {collection}
),
asked as (
    select language, replace(strip(to_tsvector(search_config(language), %(text)s))::text, ''' ''', ''' | ''')::tsquery
        as words
    from spoken, unnest(languages) as language
),
dense as (
    select id, 1 - distance as similarity, row_number() over (order by distance, id) as dense_rank
    from (
        select id, embedding::halfvec({dimension}) <=> %(vector)s::halfvec({dimension}) as distance
        from chunks
        where collection_id = {collection} and language = any((select languages from spoken)::text[])
        order by embedding::halfvec({dimension}) <=> %(vector)s::halfvec({dimension})
        limit {depth}
    ) nearest
),
lexical as (
    select id, score::float8 as text_score, row_number() over (order by score desc, id) as text_rank
    from (
        select chunks.id, ts_rank_cd(chunks.words, asked.words) as score
        from asked
        join chunks on chunks.language = asked.language and chunks.words @@ asked.words
        where chunks.collection_id = {collection}
        order by score desc, id
        limit {depth}
    ) matching
)
select chunks.id as chunk_id, articles.id as article_id, articles.title, chunks.heading, articles.url,
       chunks.body as text, chunks.language, found.dense_rank, found.similarity,
       found.text_rank, found.text_score
from (dense full join lexical using (id)) found
join chunks on chunks.collection_id = {collection} and chunks.id = found.id
join articles on articles.collection_id = {collection} and articles.id = chunks.article_id
"""


_DEEP_ENOUGH = (
    "select set_config('hnsw.ef_search', '100', true), set_config('hnsw.iterative_scan', 'strict_order', true)"
)
"""The index looks further than the 40 it returns, and goes on where a language filter leaves it short."""


class PostgresKnowledge:
    """The help centre behind `ports.Knowledge`. Keeps no state but which collection it searches."""

    def __init__(self, pool: Pool, embedder: Embedder, collection: str) -> None:
        self._pool = pool
        self._embedder = embedder
        self._name = collection
        # Known after the first search; collections are never renamed and their model never changes.
        self._collection: Collection | None = None

    async def search(self, query: str, *, k: int = 5, language: str | None = None) -> SearchResult:
        """The best `k` passages; none for a question without content.

        `language` narrows to articles in it, where the collection has any. Raises `CorpusError` when the collection is
        missing or of another model, `PortError` when the database does not answer.
        """
        started = time.perf_counter()
        text = _searchable(query)
        if not any(character.isalnum() for character in text):
            return SearchResult(query, [], None, 0.0, {"total": _ms(started)})
        vector = await self._embedder.query(text)
        embedded = time.perf_counter()
        found = await self._find(text, vector, language)
        searched = time.perf_counter()
        passages = fuse(found)
        evidence = evidence_of(passages)
        timings = {
            "embed": (embedded - started) * 1000,
            "search": (searched - embedded) * 1000,
            "fuse": _ms(searched),
            "total": _ms(started),
        }
        return SearchResult(query, passages[:k], evidence, confidence(evidence), timings)

    async def _find(self, text: str, vector: list[float], language: str | None) -> list[Passage]:
        parameters = {"text": text, "vector": HalfVector(vector).to_text(), "language": language}
        try:
            async with self._pool.connection() as connection:
                collection = self._collection or await self._open(connection)
                # One round trip: the settings travel with the question.
                async with connection.pipeline(), connection.transaction():
                    await connection.execute(_DEEP_ENOUGH)
                    cursor = connection.cursor(row_factory=class_row(Passage))
                    await cursor.execute(_statement(collection), parameters)
                    return await cursor.fetchall()
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


def _statement(collection: Collection) -> sql.Composed:
    # Literals, not parameters: the planner must see them to choose the collection's own index.
    return sql.SQL(_SEARCH).format(
        collection=sql.Literal(collection.id), dimension=sql.Literal(collection.dimension), depth=sql.Literal(DEPTH)
    )


def fuse(found: list[Passage]) -> list[Passage]:
    """All that was found, best first; the chunk id breaks ties so that equal questions get equal answers."""
    scored = [replace(passage, fused=reciprocal_rank(passage.dense_rank, passage.text_rank)) for passage in found]
    return sorted(scored, key=lambda passage: (-passage.fused, passage.chunk_id))


def evidence_of(passages: list[Passage]) -> RetrievalEvidence | None:
    """What the search says about its own best hit; None when it found nothing."""
    if not passages:
        return None
    best = max(passages, key=_similarity)
    others = [passage for passage in passages if passage.article_id != best.article_id]
    rest = max(map(_similarity, others), default=0.0)
    agreement = _among_first(passages, best, "dense_rank") and _among_first(passages, best, "text_rank")
    return RetrievalEvidence(_similarity(best), _similarity(best) - rest, agreement)


def _similarity(passage: Passage) -> float:
    return passage.similarity if passage.similarity is not None else 0.0


def _among_first(passages: list[Passage], best: Passage, ranking: str) -> bool:
    """Whether the article of `best` is among the first five of a ranking."""
    ranks = [getattr(passage, ranking) for passage in passages if passage.article_id == best.article_id]
    return any(rank is not None and rank <= AGREEMENT_DEPTH for rank in ranks)


def _searchable(query: str) -> str:
    """What Postgres and the model can read of it: valid UTF-8, no NUL, not endless."""
    if len(query) > MAX_QUERY:
        log.warning("question_cut", characters=len(query), kept=MAX_QUERY)
    return query[:MAX_QUERY].replace("\x00", " ").encode("utf-8", "ignore").decode()


def _ms(since: float) -> float:
    return (time.perf_counter() - since) * 1000
