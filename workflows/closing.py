"""What a call leaves behind when it is over."""

from collections.abc import Callable

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.archive import ARCHIVE, Projection, TraceActivities
    from activities.trace_view import SHOW, TraceViewActivities
    from firstline.domain.call import CallStarted, Outcome
    from firstline.domain.call_state import CallState
    from firstline.domain.flags import flags_of
    from firstline.domain.retention import KeptCall
    from firstline.ports import CallRecord


def record_of(call: CallState, outcome: Outcome, ended_at: str) -> CallRecord:
    """A finished call, as archived and projected. `ended_at` is ISO 8601, UTC."""
    return CallRecord(
        start=call.start,
        ended_at=ended_at,
        outcome=outcome,
        language=call.language,
        turns=call.turns,
        timeline=call.timeline,
        handoff_reason=call.handoff_reason or "",
        rep=call.handoff_result.rep if call.handoff_result else "",
        page_to_pickup_ms=call.handoff_result.page_to_pickup_ms if call.handoff_result else None,
        callback_at=call.callback.at if call.callback else "",
        flags=flags_of(call.turns, call.handoff_reason),
    )


async def keep(record: CallRecord, note: Callable[[str], None]) -> str:
    """Archive the trace and project the call; returns the trace's link, empty when the store stayed away for a week.

    `note` takes a line for the call's timeline.
    """
    trace_url = ""
    try:
        trace_url = await workflow.execute_activity_method(
            TraceActivities.archive_trace, record, summary="Archive the trace", **ARCHIVE
        )
    except ActivityError:
        note("The trace could not be archived")
    try:
        await workflow.execute_activity_method(
            TraceActivities.project_call,
            Projection(record, trace_url),
            summary="Project to the read model",
            **ARCHIVE,
        )
    except ActivityError:
        note("The call could not be projected")
    return trace_url


async def show(start: CallStarted, note: Callable[[str], None]) -> None:
    """Show the trace to people. Last of all, so that a view which is away for a week holds nothing up."""
    try:
        link = await workflow.execute_activity_method(
            TraceViewActivities.show_call,
            KeptCall(start.call_sid, start.started_at[:10]),
            summary="Show the trace where people look",
            **SHOW,
        )
    except ActivityError:
        note("The trace could not be shown; it is in the archive")
    else:
        if link:
            note(f"The trace can be seen at {link}")
