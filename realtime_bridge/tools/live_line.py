"""Asks for a person on the runtime's own account: by the ordinary path, gate and workflow included."""

import structlog

from firstline.domain.call import CallStarted, TranscriptLine
from firstline.domain.gate import Evidence, RuntimeCause, decide_handoff
from firstline.domain.handoff import SUMMARY_MAX, HandoffRequest
from firstline.names import UPDATE_DEADLINE
from firstline.ports import CallControl, PortError
from realtime_bridge.metrics import GATE_DECISIONS, TOOL_FAILURES
from realtime_bridge.tools.runner import CallFacts

log = structlog.get_logger()

_WHY = {
    RuntimeCause.DEAD_AIR: "The agent gave no answer.",
    RuntimeCause.PRESSED_ZERO: "The caller pressed 0 for a person.",
}


async def ask_for_person(start: CallStarted, facts: CallFacts, control: CallControl, cause: RuntimeCause) -> bool:
    """Whether the promise of a person is durable; never raises for a control plane that refuses or does not answer."""
    evidence = Evidence(facts.caller_text, facts.confidence, cause=cause)
    GATE_DECISIONS.labels("handoff", str(decide_handoff(evidence).allowed).lower()).inc()
    last = f" The caller's last words: {facts.caller_text}" if facts.caller_text else ""
    request = HandoffRequest(
        call_sid=start.call_sid,
        evidence=evidence,
        language=facts.language,
        summary=(_WHY[cause] + last)[:SUMMARY_MAX],
        chunk_ids=facts.chunk_ids,
        transcript=[TranscriptLine(who, text) for who, text in facts.lines],
    )
    try:
        accepted = await control.request_handoff(start, request, UPDATE_DEADLINE.total_seconds())
    except PortError as error:
        TOOL_FAILURES.labels("live_line", type(error).__name__).inc()
        log.error("live_line_not_durable", call_sid=start.call_sid, cause=cause.value)
        return False
    log.warning("live_line_engaged", call_sid=start.call_sid, cause=cause.value, already=accepted.already)
    return True
