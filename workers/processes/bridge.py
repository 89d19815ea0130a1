"""The bridge process: the audio plane."""

from contextlib import AsyncExitStack

from firstline.settings import Settings
from workers import wiring
from workers.ports_in_use import require_free
from workers.until_told import until_told


async def run(settings: Settings) -> None:
    """Twilio's webhooks on one port, its media streams on another."""
    require_free(settings.host, settings.port, "FIRSTLINE_PORT")
    require_free(settings.host, settings.media_port, "FIRSTLINE_MEDIA_PORT")
    async with AsyncExitStack() as stack:
        bridge = await wiring.bridge(wiring.Opened(settings, stack))
        await until_told(bridge.serve(), first=lambda: bridge.drain(settings.drain_seconds))
