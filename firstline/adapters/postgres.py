"""Postgres: the connection pool, and the schema brought up to date from `db/migrations`."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from firstline.ports import PortError

log = structlog.get_logger()

Pool = AsyncConnectionPool[AsyncConnection[TupleRow]]

_PACKAGE = Path(__file__).resolve().parent.parent
_FIX = "start it (`firstline up`), or correct DATABASE_URL"
_LOCK = 4_155_201_887
"""Advisory lock key of the migration runner; any number that nobody else uses."""


class DatabaseError(PortError):
    """The database cannot be reached, or its schema cannot be brought up to date; the message says what to do."""


@dataclass(frozen=True)
class Migration:
    """One SQL file, applied once, in the order of its name."""

    version: str
    """The file's name without `.sql`."""
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, hex: an applied file must not change."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> list[Migration]:
    """Every migration in order: from the repository, or from inside the installed package.

    Raises `DatabaseError` when neither place has any.
    """
    for folder in (_PACKAGE.parent / "db" / "migrations", _PACKAGE / "migrations"):
        files = sorted(folder.glob("*.sql"))
        if files:
            return [Migration(file.stem, file.read_text("utf-8")) for file in files]
    raise DatabaseError(f"no SQL files in {_PACKAGE.parent / 'db' / 'migrations'}: the installation is incomplete")


async def open_pool(url: str, *, max_size: int = 8, timeout: float = 10.0, lazy: bool = False) -> Pool:
    """An open pool of autocommit connections; close it with `await pool.close()`.

    Raises `DatabaseError` when no connection can be made within `timeout` seconds. A `lazy` one opens without the
    database, connects once it is there, and lets whoever asks before wait for at most `timeout`.
    """
    pool: Pool = AsyncConnectionPool(
        url,
        min_size=1,
        max_size=max_size,
        open=False,
        timeout=timeout,
        kwargs={"autocommit": True},
        check=AsyncConnectionPool.check_connection,
    )
    try:
        await pool.open(wait=not lazy, timeout=timeout)
    except (PoolTimeout, psycopg.Error) as error:
        await pool.close()
        raise DatabaseError(f"no connection to the database at {_place(url)}; {_FIX}: {_line(error)}") from error
    return pool


async def migrate(url: str) -> list[str]:
    """Apply what is missing, each file in its own transaction; returns the versions applied now.

    Processes that start together take turns by an advisory lock. Raises `DatabaseError` when the database cannot be
    reached, a file fails, or a file that was applied has been edited since.
    """
    known = migrations()
    try:
        async with await AsyncConnection.connect(url, autocommit=True, connect_timeout=10) as connection:
            await connection.execute("select pg_advisory_lock(%s)", (_LOCK,))
            return await _apply(connection, known)
    except psycopg.Error as error:
        raise DatabaseError(f"the database at {_place(url)} could not be migrated; {_FIX}: {_line(error)}") from error


async def _apply(connection: AsyncConnection[TupleRow], known: list[Migration]) -> list[str]:
    applied = await _applied(connection)
    fresh: list[str] = []
    for migration in known:
        if migration.version in applied:
            if applied[migration.version] != migration.checksum:
                raise DatabaseError(f"migration {migration.version} was edited after it was applied: add a new file")
            continue
        async with connection.transaction():
            await connection.execute(migration.sql.encode())
            await connection.execute(
                "insert into schema_migrations (version, checksum) values (%s, %s)",
                (migration.version, migration.checksum),
            )
        log.info("migration_applied", version=migration.version)
        fresh.append(migration.version)
    return fresh


async def _applied(connection: AsyncConnection[TupleRow]) -> dict[str, str]:
    found = await (await connection.execute("select to_regclass('schema_migrations')")).fetchone()
    if found is None or found[0] is None:
        return {}
    rows = await (await connection.execute("select version, checksum from schema_migrations")).fetchall()
    return dict(rows)


def _place(url: str) -> str:
    """Host, port and database of a URL; never its password."""
    try:
        parts = psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.Error:
        return "a URL that is not one"
    return f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}/{parts.get('dbname', '')}"


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
