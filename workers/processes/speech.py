"""The speech process: our own realtime model server."""

import asyncio

import structlog

from firstline.settings import Settings
from firstline.speech.engine import SpeechEngine
from firstline.speech.server import serve
from workers import wiring_speech
from workers.ports_in_use import require_free
from workers.until_told import until_told

log = structlog.get_logger()


def load(settings: Settings) -> SpeechEngine:
    """The models that the settings name; blocks for some seconds. Raises `ModelFileError`."""
    return SpeechEngine.load(
        whisper=settings.whisper_model,
        voice=settings.piper_voice,
        answerer=wiring_speech.answerer(settings),
        speaker=lambda local: wiring_speech.speaker(settings, local),
        cache=settings.home / "models",
        threads=settings.speech_threads,
        device=settings.whisper_device,
        compute=settings.whisper_compute,
    )


async def run(settings: Settings) -> None:
    """Our own server for the OpenAI Realtime protocol."""
    require_free(settings.host, settings.speech_port, "FIRSTLINE_SPEECH_PORT")
    engine = await asyncio.to_thread(load, settings)
    server = await serve(
        engine, settings.host, settings.speech_port, api_key=settings.speech_api_key.get_secret_value()
    )
    log.info("speech_ready", url=f"ws://{settings.host}:{settings.speech_port}/v1/realtime")
    try:
        await until_told()
    finally:
        await server.close()
