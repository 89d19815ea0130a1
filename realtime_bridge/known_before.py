"""What the control plane knows of a call whose stream begins: what was said before a break, what the caller is owed."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import structlog

from firstline.domain.call import CallStarted
from firstline.domain.callback import OpenCallback
from firstline.domain.resume import ResumeContext
from firstline.ports import CallControl, PortError
from firstline.prompts import language_pack
from realtime_bridge.tools.callback_time import spoken_time

log = structlog.get_logger()

DEADLINE = 1.0
"""Seconds; the caller hears that we are still there meanwhile."""


async def conversation_so_far(control: CallControl, start: CallStarted) -> ResumeContext:
    """What was said to a stream that broke; nothing where nobody tells in time."""
    try:
        return await control.resume_context(start.call_sid, DEADLINE)
    except PortError:
        log.warning("resumed_without_context", call_sid=start.call_sid)
        return ResumeContext(start, start.language)


async def callback_owed(control: CallControl, start: CallStarted) -> OpenCallback | None:
    """The callback that was promised to this number; None where none was, or nobody tells in time."""
    try:
        owed = await control.open_callbacks(start.from_number, DEADLINE)
    except PortError:
        log.warning("open_callbacks_unknown", call_sid=start.call_sid)
        return None
    return owed[0] if owed else None


def note_of(owed: OpenCallback, language: str, zone: ZoneInfo) -> str:
    """What the model is told of it, in the call's language."""
    at = datetime.fromisoformat(owed.at).astimezone(zone)
    return language_pack(language).callback_open.format(
        at=spoken_time(at, datetime.now(UTC), language), topic=owed.topic
    )
