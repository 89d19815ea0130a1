"""The orphan reconciler: every live call has an open workflow, and every open workflow a live call."""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from activities.handoff import PAGE
    from activities.orphans import LOOK, OrphanActivities
    from firstline import names
    from firstline.domain.facts import Fact, FactKind
    from firstline.domain.orphans import Orphans

LOOK_AGAIN = timedelta(seconds=60)
"""Neither list is of one moment: only what is an orphan twice is one."""


@workflow.defn(name=names.ORPHANS_WORKFLOW)
class OrphansWorkflow:
    """One look, and a second at what it found. Ends workflows whose call is over; pages for calls without one."""

    @workflow.run
    async def run(self) -> Orphans:
        """Returns what was an orphan both times; the next run begins with it."""
        last = workflow.get_last_completion_result(Orphans)
        orphans = await self._look("Compare live calls and open workflows")
        if orphans:
            await workflow.sleep(LOOK_AGAIN, summary="Look again later")
            orphans = (await self._look("Look again")).also_in(orphans)
        await asyncio.gather(*(self._end(call_sid) for call_sid in orphans.workflows))
        if orphans.calls:
            await workflow.execute_activity_method(
                OrphanActivities.page_orphans, orphans, summary="Page: calls without a workflow", **PAGE
            )
        elif last is not None and last.calls:
            await workflow.execute_activity_method(
                OrphanActivities.resolve_orphans, summary="Resolve: every call has its workflow", **PAGE
            )
        workflow.set_current_details(
            f"**{len(orphans.calls)}** calls without a workflow, **{len(orphans.workflows)}** workflows without a call"
        )
        return orphans

    async def _look(self, summary: str) -> Orphans:
        return await workflow.execute_activity_method(OrphanActivities.find_orphans, summary=summary, **LOOK)

    async def _end(self, call_sid: str) -> None:
        """Tell the call's workflow that its call is over; the fact's id makes a repeat harmless."""
        fact = Fact(
            f"{call_sid}:reconciled",
            call_sid,
            FactKind.CALL_ENDED,
            workflow.now().isoformat(timespec="milliseconds"),
            detail="the carrier no longer knows the call",
        )
        try:
            call = workflow.get_external_workflow_handle(names.call_workflow_id(call_sid))
            await call.signal(names.FACTS_SIGNAL, [fact])
        except FailureError:
            workflow.logger.info("The workflow has ended by itself")
