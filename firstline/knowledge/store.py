"""Collections, articles and chunks in Postgres: what an ingest writes. Every function is one transaction's worth."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from pgvector import HalfVector
from psycopg import AsyncConnection, sql
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from firstline.knowledge.articles import Article
from firstline.knowledge.chunk import OVERLAP, TOKENS, Chunk
from firstline.knowledge.embed import Embedder
from firstline.knowledge.errors import CorpusError

Connection = AsyncConnection[TupleRow]
Pool = AsyncConnectionPool[Connection]


@dataclass(frozen=True)
class Collection:
    """One version of a corpus, and the one model whose vectors it holds."""

    id: int
    name: str
    embedding_model: str
    dimension: int
    version: int
    """1-based; an ingest makes the next one."""


@dataclass(frozen=True)
class Prepared:
    """An article ready to be stored: its chunks and their vectors, in the same order, and the vector of its title."""

    article: Article
    chunks: list[Chunk]
    vectors: list[list[float]]
    title_vector: list[float]


def content_hash(article: Article) -> str:
    """Of everything that an article's chunks and vectors derive from, the way of cutting included."""
    parts = (f"{TOKENS}/{OVERLAP}/title/languages", article.title, article.url, article.language, article.body)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


async def find_collection(connection: Connection, name: str, state: str = "active") -> Collection | None:
    """The version of a collection in this state (`active`: the one that is searched, or `building`), or None."""
    cursor = await connection.execute(
        "select id, name, embedding_model, dimension, version from collections where name = %s and state = %s",
        (name, state),
    )
    row = await cursor.fetchone()
    return Collection(*row) if row else None


def check_model(collection: Collection, embedder: Embedder) -> None:
    """Raises `CorpusError` when the collection holds the vectors of another model than `embedder`."""
    if (collection.embedding_model, collection.dimension) != (embedder.name, embedder.dimension):
        raise CorpusError(
            f"collection {collection.name!r} was embedded with {collection.embedding_model}"
            f" ({collection.dimension} dimensions), not with {embedder.name} ({embedder.dimension}):"
            " set FIRSTLINE_EMBEDDING_MODEL to the former, or ingest into a new collection"
        )


async def content_hashes(
    connection: Connection, collection: Collection, ids: Sequence[str] | None = None
) -> dict[str, str]:
    """Article id -> content hash of everything in the collection, or of what it has of `ids`."""
    every = "select id, content_hash from articles where collection_id = %s"
    if ids is None:
        cursor = await connection.execute(every, (collection.id,))
    else:
        cursor = await connection.execute(f"{every} and id = any(%s)".encode(), (collection.id, list(ids)))
    return dict(await cursor.fetchall())


async def save(connection: Connection, collection: Collection, batch: Sequence[Prepared]) -> None:
    """Store articles with their chunks, replacing what was stored of them."""
    async with connection.transaction(), connection.cursor() as cursor:
        await cursor.executemany(
            """
            insert into articles (collection_id, id, title, url, language, content_hash, title_embedding)
            values (%s, %s, %s, %s, %s, %s, %s::halfvec)
            on conflict (collection_id, id) do update set
                title = excluded.title, url = excluded.url, language = excluded.language,
                content_hash = excluded.content_hash, title_embedding = excluded.title_embedding, ingested_at = now()
            """,
            [_article_row(collection, prepared) for prepared in batch],
        )
        await cursor.execute(
            "delete from chunks where collection_id = %s and article_id = any(%s)",
            (collection.id, [prepared.article.id for prepared in batch]),
        )
        await cursor.executemany(
            """
            insert into chunks (collection_id, id, article_id, ordinal, heading, body, language, embedding, words)
            values (%(collection)s, %(id)s, %(article)s, %(ordinal)s, %(heading)s, %(body)s, %(language)s,
                    %(vector)s::halfvec, chunk_words(%(language)s, %(title)s, %(heading)s, %(body)s))
            """,
            [_row(collection, prepared, i) for prepared in batch for i in range(len(prepared.chunks))],
        )
        await cursor.executemany(
            "insert into collection_languages (collection_id, language) values (%s, %s) on conflict do nothing",
            [
                (collection.id, language)
                for language in {chunk.language for prepared in batch for chunk in prepared.chunks}
            ],
        )


def _article_row(collection: Collection, prepared: Prepared) -> tuple[object, ...]:
    article = prepared.article
    vector = HalfVector(prepared.title_vector).to_text()
    return collection.id, article.id, article.title, article.url, article.language, content_hash(article), vector


def _row(collection: Collection, prepared: Prepared, index: int) -> dict[str, object]:
    chunk = prepared.chunks[index]
    return {
        "collection": collection.id,
        "id": chunk.id,
        "article": chunk.article_id,
        "ordinal": chunk.ordinal,
        "heading": chunk.heading,
        "body": chunk.text,
        "language": chunk.language,
        "title": prepared.article.title,
        "vector": HalfVector(prepared.vectors[index]).to_text(),
    }


async def remove(connection: Connection, collection: Collection, ids: Sequence[str]) -> None:
    """Delete articles with their chunks."""
    await connection.execute(
        "delete from articles where collection_id = %s and id = any(%s)", (collection.id, list(ids))
    )


async def index(connection: Connection, collection: Collection) -> None:
    """Make the collection's own indexes when it has none, count its words, refresh what the planner knows."""
    parts = {"collection": sql.Literal(collection.id), "dimension": sql.Literal(collection.dimension)}
    meaning, words = (sql.Identifier(name) for name in index_names(collection.id))
    await connection.execute(
        sql.SQL(
            "create index if not exists {name} on chunks using hnsw ((embedding::halfvec({dimension}))"
            " halfvec_cosine_ops) where collection_id = {collection}"
        ).format(name=meaning, **parts)
    )
    # Without the pending list, which every search would have to read through after an ingest.
    await connection.execute(
        sql.SQL(
            "create index if not exists {name} on chunks using gin (words) with (fastupdate = off)"
            " where collection_id = {collection}"
        ).format(name=words, **parts)
    )
    async with connection.transaction():
        await _count_words(connection, collection)
    await connection.execute("analyze articles, chunks, collection_words")


def index_names(collection: int) -> tuple[str, str]:
    """The names of a collection's two indexes: by meaning, by words."""
    return f"chunks_by_meaning_{collection}", f"chunks_by_words_{collection}"


async def _count_words(connection: Connection, collection: Collection) -> None:
    own = (collection.id,)
    await connection.execute("delete from collection_languages where collection_id = %s", own)
    await connection.execute(
        "insert into collection_languages (collection_id, language, chunks)"
        " select collection_id, language, count(*) from chunks where collection_id = %s group by 1, 2",
        own,
    )
    await connection.execute(
        "insert into collection_words (collection_id, language, word, chunks)"
        " select collection_id, language, word, ndoc from collection_languages, ts_stat(format("
        "'select words from chunks where collection_id = %%s and language = %%L', collection_id, language))"
        " where collection_id = %s",
        own,
    )
