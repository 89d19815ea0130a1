"""The worker process: the control plane."""

from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager

import structlog
from prometheus_client import start_http_server

from firstline.adapters.postgres import migrate
from firstline.adapters.temporal import connect
from firstline.settings import Settings
from workers import wiring
from workers.ingest_worker import build_ingest_worker
from workers.ports_in_use import require_free
from workers.schedules import cadences, keep_schedules
from workers.until_told import until_told
from workers.wiring_settings import database_url
from workers.wiring_store import converter
from workers.worker import build_worker, version_of

log = structlog.get_logger()


@contextmanager
def serving_metrics(host: str, port: int) -> Iterator[None]:
    """Prometheus' `/metrics` for the length of the block, from a thread."""
    server, thread = start_http_server(port, host)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


async def run(settings: Settings) -> None:
    """All workflows and activities. The database's schema is brought up to date first."""
    async with AsyncExitStack() as stack:
        await migrate(database_url(settings))
        client = await connect(settings.temporal_address, settings.temporal_namespace, converter(settings))
        activities = await wiring.activities(wiring.Opened(settings, stack), client)
        version = version_of(settings.build_id)
        corpus = await wiring.corpus_activities(wiring.Opened(settings, stack))
        corpora = build_ingest_worker(client, corpus, version=version)
        worker = build_worker(client, activities, dials_per_second=settings.dials_per_second, version=version)
        await keep_schedules(client, cadences(settings.timezone))
        if settings.worker_metrics_port:
            require_free(settings.host, settings.worker_metrics_port, "FIRSTLINE_WORKER_METRICS_PORT")
            stack.enter_context(serving_metrics(settings.host, settings.worker_metrics_port))
        log.info("worker_ready", temporal=settings.temporal_address, build_id=settings.build_id)
        async with corpora:
            await until_told(worker.run())
