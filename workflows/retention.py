"""The daily retention: 30 days hot, then cold, gone after a year."""

from dataclasses import replace

from temporalio import workflow

from workflows.scheduled import scheduled_at

with workflow.unsafe.imports_passed_through():
    from activities.retention import RETAIN, RetentionActivities
    from firstline import names
    from firstline.domain.retention import Retained


@workflow.defn(name=names.RETENTION_WORKFLOW)
class RetentionWorkflow:
    """One day's work. First cold, then gone: a call that was missed for a year takes both steps at once."""

    @workflow.run
    async def run(self) -> Retained:
        """Returns what was moved, deleted and held."""
        at = scheduled_at().isoformat()
        cooled = await workflow.execute_activity_method(
            RetentionActivities.cool_traces, at, summary="Move traces that are no longer hot", **RETAIN
        )
        gone = await workflow.execute_activity_method(
            RetentionActivities.forget_old_calls, at, summary="Delete what is older than a year", **RETAIN
        )
        done = replace(gone, cooled=cooled)
        workflow.set_current_details(
            f"**{done.cooled}** traces cold, **{done.traces_gone}** traces, **{done.recordings_gone}** recordings and"
            f" **{done.calls_gone}** calls gone, **{done.held}** held"
        )
        return done
