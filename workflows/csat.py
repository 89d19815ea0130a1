"""The monthly satisfaction sample: drawn once, open for scores until they are all in or the time is over."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

from workflows.growth import Growth
from workflows.scheduled import scheduled_at

with workflow.unsafe.imports_passed_through():
    from activities.csat import SURVEY, CsatActivities, MonthScore
    from activities.failures import REJECTED
    from firstline import names
    from firstline.domain.csat import CsatResult, CsatScore, result, score_problem

OPEN_FOR = timedelta(days=45)
"""Scores that come later are not asked for any more."""


@dataclass(frozen=True)
class CsatSoFar:
    """What goes along into a new run."""

    sample: list[str]
    scores: dict[str, int]
    until: str
    """ISO 8601: when the time is over."""


@dataclass(frozen=True)
class CsatInput:
    """Which month; empty: the schedule's run, which opens the last whole month's sample."""

    month: str = ""
    so_far: CsatSoFar | None = None
    """None when it begins."""


@workflow.defn(name=names.CSAT_WORKFLOW)
class CsatWorkflow:
    """`csat-2026-10` takes the scores of October 2026, as updates."""

    @workflow.init
    def __init__(self, asked: CsatInput) -> None:
        so_far = asked.so_far
        self._month = asked.month
        self._sample: list[str] = so_far.sample if so_far else []
        self._scores: dict[str, int] = so_far.scores if so_far else {}
        self._growth = Growth()

    @workflow.run
    async def run(self, asked: CsatInput) -> CsatResult:
        """The story of a sample."""
        if not asked.month:
            return await self._open_last_month()
        if asked.so_far is None:
            self._sample = list(
                await workflow.execute_activity_method(
                    CsatActivities.draw_sample, asked.month, summary=f"Draw the sample of {asked.month}", **SURVEY
                )
            )
        until = datetime.fromisoformat(asked.so_far.until) if asked.so_far else workflow.now() + OPEN_FOR
        self._show()
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._complete or self._growth.due,
                timeout=until - workflow.now(),
                timeout_summary="Scores come in",
            )
        await workflow.wait_condition(workflow.all_handlers_finished)
        if self._growth.due and not self._complete and workflow.now() < until:
            so_far = CsatSoFar(self._sample, self._scores, until.isoformat())
            workflow.continue_as_new(CsatInput(asked.month, so_far))
        return self._result()

    @property
    def _complete(self) -> bool:
        return len(self._scores) == len(self._sample)

    async def _open_last_month(self) -> CsatResult:
        """Its own workflow, whose id people and systems can guess."""
        self._month = await workflow.execute_activity_method(
            CsatActivities.csat_month, scheduled_at().isoformat(), summary="Which month is it?", **SURVEY
        )
        with suppress(WorkflowAlreadyStartedError):
            await workflow.start_child_workflow(
                CsatWorkflow.run,
                CsatInput(self._month),
                id=names.csat_workflow_id(self._month),
                parent_close_policy=ParentClosePolicy.ABANDON,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                static_summary=f"Satisfaction of {self._month}",
            )
        return self._result()

    # --- messages ---------------------------------------------------------------------------------------------------

    @workflow.update(name=names.SCORE_UPDATE)
    async def score(self, score: CsatScore) -> CsatResult:
        """Take a score and keep it; the last score of a call counts. Returns the month so far."""
        kept = MonthScore(self._month, score.call_sid, score.score)
        await workflow.execute_activity_method(CsatActivities.keep_score, kept, summary="Keep a score", **SURVEY)
        self._scores[score.call_sid] = score.score
        self._growth.look()
        self._show()
        return self._result()

    @score.validator
    def _fits(self, score: CsatScore) -> None:
        if problem := score_problem(score, self._sample):
            raise ApplicationError(f"No score was kept: {problem}", type=REJECTED, non_retryable=True)

    @workflow.query(name=names.SAMPLE_QUERY)
    def sample(self) -> list[str]:
        """CallSids to ask about that have no score yet."""
        return [sid for sid in self._sample if sid not in self._scores]

    # --- helpers ----------------------------------------------------------------------------------------------------

    def _result(self) -> CsatResult:
        return result(self._month, self._sample, self._scores)

    def _show(self) -> None:
        so_far = self._result()
        mean = "no score yet" if so_far.mean is None else f"mean {so_far.mean:.2f}"
        workflow.set_current_details(f"**{self._month}** {so_far.scored} of {so_far.drawn} scored, {mean}")
