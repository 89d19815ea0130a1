"""The embedded database's process."""

import asyncio

import structlog

from firstline.adapters.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError
from firstline.settings import Settings
from workers.ports_in_use import require_free
from workers.until_told import until_told

log = structlog.get_logger()


LOOK_EVERY_S = 0.5


async def run(settings: Settings) -> None:
    """Postgres with pgvector from a Python package, for one machine.

    Ends when its server does, so that whoever watches this process starts both again. Raises `EmbeddedPostgresError`.
    """
    server = EmbeddedPostgres(settings.home / "postgres", settings.postgres_port)
    if not server.left_behind:
        require_free(settings.host, settings.postgres_port, "FIRSTLINE_POSTGRES_PORT")
    try:
        await asyncio.to_thread(server.start)
        log.info("postgres_ready", port=settings.postgres_port)
        await until_told(_while_running(server))
    finally:
        await asyncio.to_thread(server.stop)


async def _while_running(server: EmbeddedPostgres) -> None:
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        if not server.running:
            break
    raise EmbeddedPostgresError(f"Postgres ended by itself; its log: {server.log_path}")
