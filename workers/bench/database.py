"""A database to measure in: the configured one when it answers, else one of the benchmark's own that goes away."""

import asyncio
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
from rich.console import Console

from firstline.adapters.embedded_postgres import EmbeddedPostgres
from firstline.adapters.postgres import Pool, migrate, open_pool
from firstline.settings import Settings
from workers.wiring_settings import database_url


@asynccontextmanager
async def bench_pool(settings: Settings, console: Console) -> AsyncIterator[Pool]:
    """A pool on a migrated database, for the length of the block."""
    configured = database_url(settings)
    if settings.database_url or await _answers(configured):
        async with _migrated(configured) as pool:
            yield pool
        return
    console.print("  no database answers: measuring in one of our own")
    # Not in the state directory: the server may run as another user, who must be able to enter.
    folder = Path(tempfile.mkdtemp(prefix="firstline-bench-"))
    server = EmbeddedPostgres(folder / "data", _free_port())
    try:
        await asyncio.to_thread(server.start)
        async with _migrated(server.url) as pool:
            yield pool
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def _migrated(url: str) -> AsyncIterator[Pool]:
    await migrate(url)
    pool = await open_pool(url)
    try:
        yield pool
    finally:
        await pool.close()


async def _answers(url: str) -> bool:
    try:
        connection = await psycopg.AsyncConnection.connect(url, connect_timeout=2)
    except psycopg.Error:
        return False
    await connection.close()
    return True


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
