"""The embedded database's process."""

import asyncio

import structlog

from firstline.adapters.embedded_postgres import EmbeddedPostgres
from firstline.settings import Settings
from workers.ports_in_use import require_free
from workers.until_told import until_told

log = structlog.get_logger()


async def run(settings: Settings) -> None:
    """Postgres with pgvector from a Python package, for one machine."""
    require_free(settings.host, settings.postgres_port, "FIRSTLINE_POSTGRES_PORT")
    server = EmbeddedPostgres(settings.home / "postgres", settings.postgres_port)
    try:
        await asyncio.to_thread(server.start)
        log.info("postgres_ready", port=settings.postgres_port)
        await until_told()
    finally:
        await asyncio.to_thread(server.stop)
