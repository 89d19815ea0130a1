"""The watch over the latency promise: pages when it burns, resolves when it no longer does."""

from temporalio import workflow

from workflows.scheduled import scheduled_at

with workflow.unsafe.imports_passed_through():
    from activities.handoff import PAGE
    from activities.slo import LOOK, Burn, SloActivities
    from firstline import names


@workflow.defn(name=names.SLO_WORKFLOW)
class SloWorkflow:
    """One look. What the look before it came to is handed on by the schedule, so that an incident is closed once."""

    @workflow.run
    async def run(self) -> Burn:
        """Returns what was seen; the next look begins with it."""
        last = workflow.get_last_completion_result(Burn)
        burn = await workflow.execute_activity_method(
            SloActivities.measure_burn, scheduled_at().isoformat(), summary="Count slow turns", **LOOK
        )
        workflow.set_current_details(f"**{'burning' if burn.burning else 'kept'}** {burn.line}")
        if burn.burning:
            await workflow.execute_activity_method(
                SloActivities.page_burn, burn, summary="Page: callers wait too long", **PAGE
            )
        elif last is not None and last.burning:
            await workflow.execute_activity_method(
                SloActivities.resolve_burn, summary="Resolve: callers are answered in time", **PAGE
            )
        return burn
