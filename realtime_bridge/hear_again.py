"""The second transcriber, asked beside the loop: a call never waits for it."""

import asyncio
from collections.abc import Sequence

import structlog

from firstline.ports import PortError, Transcription
from realtime_bridge import metrics
from realtime_bridge.protocol.twilio import CallerAudio, mulaw_of
from realtime_bridge.recording import wav

DEADLINE = 4.0
"""Seconds; after them the turn stays as the first transcriber left it."""

log = structlog.get_logger()


async def hear_again(
    transcription: Transcription, frames: Sequence[CallerAudio], language: str, call_sid: str
) -> str | None:
    """The words in some frames; None when there are none, or nobody could tell."""
    try:
        async with asyncio.timeout(DEADLINE):
            text = await transcription.words(wav(mulaw_of(frames)), language)
    except (PortError, TimeoutError) as error:
        metrics.SECOND_HEARINGS.labels("failed").inc()
        log.warning("second_hearing_failed", call_sid=call_sid, error=type(error).__name__)
        return None
    metrics.SECOND_HEARINGS.labels("words" if text else "nothing").inc()
    log.info("heard_again", call_sid=call_sid, frames=len(frames), words=len(text.split()))
    return text or None
