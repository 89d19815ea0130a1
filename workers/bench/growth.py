"""A collection of any size out of a real one: its articles, then copies of them that are not quite the same."""

from firstline.knowledge.store import Collection, Connection, index

_MEMORY = "select set_config('maintenance_work_mem', '1GB', false)"
"""What an index over 360,000 vectors is built in; in 64 MB it takes a quarter of an hour."""


async def grown(connection: Connection, source: Collection, name: str, articles: int) -> Collection:
    """A new active collection of so many articles: those of `source` in the order of their ids, then noisy copies.

    A copy's vectors are moved (a cosine of about 0.87 to the original's), and its text is one half of its original and
    one half of another chunk: each word stands in as large a share of the chunks as before, in other company.
    """
    target = await _new(connection, source, name)
    have = await count(connection, source)
    await _take(connection, source, target, articles)
    for copy in range(1, -(-articles // have)):
        await _add_copy(connection, source, target, copy, articles - have * copy)
    await connection.execute(_MEMORY)
    try:
        await index(connection, target)
        await connection.execute("vacuum chunks, articles")
    finally:
        await connection.execute("reset maintenance_work_mem")
    return target


async def count(connection: Connection, collection: Collection, table: str = "articles") -> int:
    """How many `articles` or `chunks` a collection has."""
    cursor = await connection.execute(
        f"select count(*) from {table} where collection_id = %s".encode(), (collection.id,)
    )
    row = await cursor.fetchone()
    assert row is not None  # a count always comes
    return int(row[0])


async def _new(connection: Connection, source: Collection, name: str) -> Collection:
    cursor = await connection.execute(
        "insert into collections (name, embedding_model, dimension, version, state) values (%s, %s, %s, 1, 'active')"
        " returning id, name, embedding_model, dimension, version",
        (name, source.embedding_model, source.dimension),
    )
    row = await cursor.fetchone()
    assert row is not None  # an insert that returns
    return Collection(*row)


async def _take(connection: Connection, source: Collection, target: Collection, articles: int) -> None:
    numbers = {"source": source.id, "target": target.id, "articles": articles}
    await connection.execute(
        "insert into articles (collection_id, id, title, url, language, content_hash, title_embedding)"
        " select %(target)s, id, title, url, language, content_hash, title_embedding"
        " from articles where collection_id = %(source)s order by id limit %(articles)s",
        numbers,
    )
    await connection.execute(
        "insert into chunks (collection_id, id, article_id, ordinal, heading, body, language, embedding, words)"
        " select %(target)s, chunks.id, article_id, ordinal, heading, body, chunks.language, embedding, words"
        " from chunks join articles on articles.collection_id = %(target)s and articles.id = article_id"
        " where chunks.collection_id = %(source)s",
        numbers,
    )


async def _add_copy(connection: Connection, source: Collection, target: Collection, copy: int, articles: int) -> None:
    numbers = {"source": source.id, "target": target.id, "copy": copy, "articles": articles}
    await connection.execute(
        "insert into articles (collection_id, id, title, url, language, content_hash, title_embedding)"
        " select %(target)s, id || '#' || %(copy)s, title, url, language, content_hash, title_embedding"
        " from articles where collection_id = %(source)s order by id limit %(articles)s",
        numbers,
    )
    await connection.execute(_COPIED_CHUNKS, numbers)


_COPIED_CHUNKS = """
with own as materialized (
    select chunks.*, title, (row_number() over (partition by chunks.language order by chunks.id) - 1) as number,
           count(*) over (partition by chunks.language) as chunks_of_language
    from chunks join articles on articles.collection_id = chunks.collection_id and articles.id = article_id
    where chunks.collection_id = %(source)s
),
mixed as (
    select own.*, left(own.body, length(own.body) / 2) || ' ' || right(other.body, length(other.body) / 2) as text
    from own join own other on other.language = own.language
        and other.number = (own.number + %(copy)s * 7919) %% own.chunks_of_language
)
insert into chunks (collection_id, id, article_id, ordinal, heading, body, language, embedding, words)
select %(target)s, 'kb_' || left(md5(mixed.id || '#' || %(copy)s), 12), article_id || '#' || %(copy)s, ordinal, heading,
       text, mixed.language, l2_normalize(embedding + noise.vector),
       chunk_words(mixed.language, mixed.title, heading, text)
from mixed
join articles on articles.collection_id = %(target)s and articles.id = article_id || '#' || %(copy)s
cross join lateral (
    select array_agg((random() - 0.5) * 0.1)::vector::halfvec as vector
    from generate_series(1, vector_dims(embedding)) where mixed.id is not null -- drawn anew for each chunk
) noise
"""
