"""The processes, one function each: they run until they are told to stop."""

import asyncio
import signal
from collections.abc import Awaitable
from contextlib import AsyncExitStack, suppress

import structlog
import uvicorn

from firstline.adapters.embedded_postgres import EmbeddedPostgres
from firstline.adapters.postgres import migrate
from firstline.adapters.temporal import connect
from firstline.settings import Settings
from firstline.simulators.app import build_app
from firstline.speech.engine import SpeechEngine
from firstline.speech.server import serve as serve_realtime
from workers import wiring
from workers.ports_in_use import require_free
from workers.worker import build_worker

log = structlog.get_logger()


async def until_told(work: Awaitable[None] | None = None) -> None:
    """Run `work` until SIGINT or SIGTERM, then cancel it and wait for it to end. Without work, only wait."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    waiting = asyncio.create_task(told.wait())
    running = asyncio.ensure_future(work) if work is not None else None
    await asyncio.wait({waiting, running} if running else {waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if running is not None:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def serve_bridge(settings: Settings) -> None:
    """Twilio's webhooks on one port, its media streams on another."""
    require_free(settings.host, settings.port, "FIRSTLINE_PORT")
    require_free(settings.host, settings.media_port, "FIRSTLINE_MEDIA_PORT")
    async with AsyncExitStack() as stack:
        bridge = await wiring.bridge(wiring.Opened(settings, stack))
        await until_told(bridge.serve())


async def serve_worker(settings: Settings) -> None:
    """All workflows and activities. The database's schema is brought up to date first."""
    async with AsyncExitStack() as stack:
        await migrate(wiring.database_url(settings))
        client = await connect(settings.temporal_address, settings.temporal_namespace)
        activities = await wiring.activities(wiring.Opened(settings, stack))
        worker = build_worker(client, activities)
        log.info("worker_ready", temporal=settings.temporal_address)
        await until_told(worker.run())


async def serve_speech(settings: Settings) -> None:
    """Our own server for the OpenAI Realtime protocol."""
    require_free(settings.host, settings.speech_port, "FIRSTLINE_SPEECH_PORT")
    engine = await asyncio.to_thread(SpeechEngine.load, whisper=settings.whisper_model, voice=settings.piper_voice)
    server = await serve_realtime(engine, settings.host, settings.speech_port)
    log.info("speech_ready", url=f"ws://{settings.host}:{settings.speech_port}/v1/realtime")
    try:
        await until_told()
    finally:
        await server.close()


async def serve_simulators(settings: Settings) -> None:
    """Loopback stand-ins for Twilio and PagerDuty."""
    if settings.env == "production":
        raise wiring.BadSettings("FIRSTLINE_ENV=production: the simulators must not run")
    require_free(settings.host, settings.simulators_port, "FIRSTLINE_SIMULATORS_PORT")
    app = build_app(
        account_sid=settings.twilio_account_sid,
        auth_token=settings.twilio_auth_token.get_secret_value(),
        routing_key=settings.pagerduty_routing_key.get_secret_value(),
    )
    config = uvicorn.Config(app, settings.host, settings.simulators_port, log_level="warning", access_log=False)
    await uvicorn.Server(config).serve()


async def serve_postgres(settings: Settings) -> None:
    """Postgres with pgvector from a Python package, for one machine."""
    require_free(settings.host, settings.postgres_port, "FIRSTLINE_POSTGRES_PORT")
    server = EmbeddedPostgres(settings.home / "postgres", settings.postgres_port)
    try:
        await asyncio.to_thread(server.start)
        log.info("postgres_ready", port=settings.postgres_port)
        await until_told()
    finally:
        await asyncio.to_thread(server.stop)
