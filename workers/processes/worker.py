"""The worker process: the control plane."""

from contextlib import AsyncExitStack

import structlog

from firstline.adapters.postgres import migrate
from firstline.adapters.temporal import connect
from firstline.settings import Settings
from workers import wiring
from workers.ingest_worker import build_ingest_worker
from workers.schedules import cadences, keep_schedules
from workers.until_told import until_told
from workers.worker import build_worker, version_of

log = structlog.get_logger()


async def run(settings: Settings) -> None:
    """All workflows and activities. The database's schema is brought up to date first."""
    async with AsyncExitStack() as stack:
        await migrate(wiring.database_url(settings))
        client = await connect(settings.temporal_address, settings.temporal_namespace, wiring.converter(settings))
        activities = await wiring.activities(wiring.Opened(settings, stack), client)
        version = version_of(settings.build_id)
        corpus = await wiring.corpus_activities(wiring.Opened(settings, stack))
        corpora = build_ingest_worker(client, corpus, version=version)
        worker = build_worker(client, activities, dials_per_second=settings.dials_per_second, version=version)
        await keep_schedules(client, cadences(settings.timezone))
        log.info("worker_ready", temporal=settings.temporal_address, build_id=settings.build_id)
        async with corpora:
            await until_told(worker.run())
