"""The call as its stream's first frame describes it."""

from datetime import UTC, datetime

from firstline.domain.call import CALL_SID, CallStarted, Direction
from firstline.domain.language import SUPPORTED
from realtime_bridge.protocol.twilio import BadFrame, StreamStarted


def call_started(event: StreamStarted) -> CallStarted:
    """The call as the TwiML's parameters describe it, so that any replica can take the stream. Raises `BadFrame`."""
    if not CALL_SID.match(event.call_sid):
        raise BadFrame("start.callSid is not a CallSid")
    parameters = event.parameters
    language = parameters.get("language", SUPPORTED[0])
    if language not in SUPPORTED:
        raise BadFrame("the parameter `language` is not supported")
    callback_of = parameters.get("callback_of", "")
    return CallStarted(
        call_sid=event.call_sid,
        from_number=parameters.get("from", ""),
        to_number=parameters.get("to", ""),
        started_at=parameters.get("started_at") or datetime.now(UTC).isoformat(),
        language=language,
        direction=Direction.CALLBACK if callback_of else Direction.INBOUND,
        callback_of=callback_of,
        topic=parameters.get("topic", ""),
    )


def age_ms(start: CallStarted) -> float:
    """How long the call has lasted; a stream may be its second. 0 when its beginning is not known."""
    try:
        began = datetime.fromisoformat(start.started_at)
        return max(0.0, (datetime.now(UTC) - began).total_seconds() * 1000)
    except (ValueError, TypeError):  # not a time, or one without its zone
        return 0.0
