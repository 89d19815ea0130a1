"""The second transcriber, asked beside the loop: a call never waits for it."""

import asyncio
import struct
from collections.abc import Sequence

import structlog

from firstline.ports import PortError, Transcription
from realtime_bridge import metrics

DEADLINE = 4.0
"""Seconds; after them the turn stays as the first transcriber left it."""

_MULAW = 7
"""WAVE_FORMAT_MULAW."""

log = structlog.get_logger()


async def hear_again(transcription: Transcription, frames: Sequence[bytes], language: str, call_sid: str) -> str | None:
    """The words in some frames (µ-law, 8 kHz); None when there are none, or nobody could tell."""
    try:
        async with asyncio.timeout(DEADLINE):
            text = await transcription.words(recording(frames), language)
    except (PortError, TimeoutError) as error:
        metrics.SECOND_HEARINGS.labels("failed").inc()
        log.warning("second_hearing_failed", call_sid=call_sid, error=type(error).__name__)
        return None
    metrics.SECOND_HEARINGS.labels("words" if text else "nothing").inc()
    log.info("heard_again", call_sid=call_sid, frames=len(frames), words=len(text.split()))
    return text or None


def recording(frames: Sequence[bytes]) -> bytes:
    """A WAV file with the frames' µ-law in it as it came."""
    data = b"".join(frames)
    form = struct.pack("<HHIIHHH", _MULAW, 1, 8000, 8000, 1, 8, 0)
    chunks = [(b"fmt ", form), (b"fact", struct.pack("<I", len(data))), (b"data", data)]
    body = b"".join(name + struct.pack("<I", len(chunk)) + chunk + b"\0" * (len(chunk) % 2) for name, chunk in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body
