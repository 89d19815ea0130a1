"""Migrations and the pool, against a real server."""

import asyncio
from pathlib import Path

import psycopg
import pytest
from psycopg_pool import PoolTimeout

from firstline.adapters import postgres
from firstline.adapters.embedded_postgres import EmbeddedPostgres
from firstline.adapters.postgres import DatabaseError, Migration, migrate, migrations, open_pool

pytestmark = pytest.mark.integration


@pytest.fixture
def empty_database(postgres_server: EmbeddedPostgres, request: pytest.FixtureRequest) -> str:
    """URL of a database without a schema."""
    name = f"t{abs(hash(request.node.nodeid))}"
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    return postgres_server.url.removesuffix("postgres") + name


class TestMigrations:
    async def test_apply_every_file_once_in_order(self, empty_database: str) -> None:
        first = await migrate(empty_database)

        assert first == [migration.version for migration in migrations()]
        assert await migrate(empty_database) == []

    async def test_of_processes_that_start_together_apply_each_file_once(self, empty_database: str) -> None:
        runs = await asyncio.gather(*(migrate(empty_database) for _ in range(4)))

        assert [version for run in runs for version in run] == [migration.version for migration in migrations()]

    async def test_refuse_a_file_that_was_edited_after_it_was_applied(
        self, empty_database: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await migrate(empty_database)
        edited = [Migration(m.version, m.sql + "\n-- edited") for m in migrations()]
        monkeypatch.setattr(postgres, "migrations", lambda: edited)

        with pytest.raises(DatabaseError, match="edited after it was applied"):
            await migrate(empty_database)

    async def test_leave_nothing_behind_of_a_file_that_fails(
        self, empty_database: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        broken = [*migrations(), Migration("9999_broken", "create table half (id int); select no_such_function();")]
        monkeypatch.setattr(postgres, "migrations", lambda: broken)

        with pytest.raises(DatabaseError, match="no_such_function"):
            await migrate(empty_database)

        with psycopg.connect(empty_database) as connection:
            assert connection.execute("select to_regclass('half')").fetchone() == (None,)

    def test_say_so_when_an_installation_has_none(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(postgres, "_PACKAGE", tmp_path / "firstline")

        with pytest.raises(DatabaseError, match="no SQL files"):
            migrations()


class TestPool:
    async def test_says_in_one_line_that_nobody_answers_and_keeps_the_password_to_itself(self) -> None:
        with pytest.raises(DatabaseError) as told:
            await open_pool("postgresql://u:hush@127.0.0.1:1/none", timeout=0.5)

        assert "127.0.0.1:1/none" in str(told.value)
        assert "hush" not in str(told.value)
        assert "\n" not in str(told.value)


async def test_a_lazy_pool_opens_without_a_database_and_says_so_when_asked() -> None:
    """A bridge that was killed while the database is down comes back and answers calls."""
    pool = await open_pool("postgresql://u@127.0.0.1:1/none", timeout=0.3, lazy=True)

    with pytest.raises(PoolTimeout):
        async with pool.connection():
            pass

    await pool.close()
