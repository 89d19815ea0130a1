"""Versions of a corpus: the next one is built beside the one that is searched, then takes its place at once."""

from dataclasses import dataclass
from datetime import datetime

from psycopg import sql

from firstline.knowledge.embed import Embedder
from firstline.knowledge.errors import CorpusError
from firstline.knowledge.store import Collection, Connection, check_model, find_collection, index_names

KEPT = 2
"""Versions that stay after they were replaced, to switch back to."""


@dataclass(frozen=True)
class Version:
    """A version of a collection, for people."""

    version: int
    state: str
    """`building`, `active` or `retired`."""
    embedding_model: str
    articles: int
    chunks: int
    activated_at: datetime | None


async def open_version(connection: Connection, name: str, embedder: Embedder) -> Collection:
    """The version being built, begun when there is none with everything that the active one holds.

    Raises `CorpusError` when the collection belongs to another model.
    """
    async with connection.transaction():
        building = await find_collection(connection, name, "building")
        if building is None:
            active = await find_collection(connection, name)
            if active is not None:
                check_model(active, embedder)
            building = await _begin(connection, name, embedder)
            if active is not None:
                await _copy(connection, active, building)
    check_model(building, embedder)
    return building


async def switch_over(connection: Connection, building: Collection) -> None:
    """From now on `building` is what is searched; in one transaction, so that no search finds none or two."""
    async with connection.transaction():
        await connection.execute(
            "update collections set state = 'retired' where name = %s and state = 'active'", (building.name,)
        )
        await connection.execute(
            "update collections set state = 'active', activated_at = now() where id = %s", (building.id,)
        )
    cursor = await connection.execute(
        "select id from collections where name = %s and state = 'retired' order by version desc offset %s",
        (building.name, KEPT),
    )
    for (old,) in await cursor.fetchall():
        await _drop(connection, old)


async def roll_back(connection: Connection, name: str) -> Collection:
    """Search the version before the active one again; what was half built is dropped. Raises `CorpusError`."""
    async with connection.transaction():
        active = await find_collection(connection, name)
        if active is None:
            raise CorpusError(f"there is no collection {name!r} to roll back")
        cursor = await connection.execute(
            "select id, name, embedding_model, dimension, version from collections"
            " where name = %s and state = 'retired' and version < %s order by version desc limit 1",
            (name, active.version),
        )
        row = await cursor.fetchone()
        if row is None:
            raise CorpusError(f"collection {name!r} has no version before {active.version} to roll back to")
        earlier = Collection(*row)
        await connection.execute("update collections set state = 'retired' where id = %s", (active.id,))
        await connection.execute(
            "update collections set state = 'active', activated_at = now() where id = %s", (earlier.id,)
        )
    building = await find_collection(connection, name, "building")
    if building is not None:
        await _drop(connection, building.id)
    return earlier


async def versions(connection: Connection, name: str) -> list[Version]:
    """Every version there is, newest first."""
    cursor = await connection.execute(
        """
        select version, state, embedding_model,
               (select count(*) from articles where collection_id = collections.id),
               (select count(*) from chunks where collection_id = collections.id), activated_at
        from collections where name = %s order by version desc
        """,
        (name,),
    )
    return [Version(*row) for row in await cursor.fetchall()]


async def drop_collection(connection: Connection, name: str) -> None:
    """Remove every version of a collection; harmless when there is none."""
    cursor = await connection.execute("select id from collections where name = %s", (name,))
    for (number,) in await cursor.fetchall():
        await _drop(connection, number)


async def _begin(connection: Connection, name: str, embedder: Embedder) -> Collection:
    cursor = await connection.execute(
        """
        insert into collections (name, embedding_model, dimension, version, state)
        select %(name)s, %(model)s, %(dimension)s, coalesce(max(version), 0) + 1, 'building'
        from collections where name = %(name)s
        returning id, name, embedding_model, dimension, version
        """,
        {"name": name, "model": embedder.name, "dimension": embedder.dimension},
    )
    row = await cursor.fetchone()
    assert row is not None  # an insert that returns
    return Collection(*row)


async def _copy(connection: Connection, source: Collection, target: Collection) -> None:
    """What did not change is not embedded again."""
    numbers = {"source": source.id, "target": target.id}
    await connection.execute(
        "insert into articles (collection_id, id, title, url, language, content_hash, title_embedding, ingested_at)"
        " select %(target)s, id, title, url, language, content_hash, title_embedding, ingested_at from articles"
        " where collection_id = %(source)s",
        numbers,
    )
    await connection.execute(
        "insert into chunks (collection_id, id, article_id, ordinal, heading, body, language, embedding, words)"
        " select %(target)s, id, article_id, ordinal, heading, body, language, embedding, words from chunks"
        " where collection_id = %(source)s",
        numbers,
    )


async def _drop(connection: Connection, number: int) -> None:
    indexes = sql.SQL(", ").join(map(sql.Identifier, index_names(number)))
    async with connection.transaction():
        await connection.execute(sql.SQL("drop index if exists {}").format(indexes))
        await connection.execute("delete from collections where id = %s", (number,))
