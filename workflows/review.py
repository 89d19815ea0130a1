"""The Monday review: what was flagged last week, a ticket for what repeats, and whether last week's tickets helped."""

from dataclasses import dataclass, field

from temporalio import workflow
from temporalio.exceptions import ActivityError

from workflows.scheduled import scheduled_at

with workflow.unsafe.imports_passed_through():
    from activities.review import GATHER, TICKET, FlagTicket, ReviewActivities, ReviewReport, WeekAsked
    from firstline import names
    from firstline.domain.review import WeekReview


@dataclass(frozen=True)
class ReviewInput:
    """Which week; empty for the last whole one."""

    week: str = ""
    """ISO week, 2026-W47."""


@dataclass(frozen=True)
class ReviewDone:
    """What came of a review."""

    week: str
    report_url: str
    tickets: dict[str, str] = field(default_factory=dict)
    """Kind of flag -> its ticket, or why there is none."""


@workflow.defn(name=names.REVIEW_WORKFLOW)
class ReviewWorkflow:
    """Reviews one week; run again for the same week, it opens no ticket twice and writes the report anew."""

    @workflow.run
    async def run(self, asked: ReviewInput) -> ReviewDone:
        """The story of a review."""
        review = await workflow.execute_activity_method(
            ReviewActivities.review_week,
            WeekAsked(scheduled_at().isoformat(), asked.week),
            summary="Count the flags",
            **GATHER,
        )
        tickets = await self._open_tickets(review)
        followed = await self._follow_up(review)
        url = await workflow.execute_activity_method(
            ReviewActivities.write_review,
            ReviewReport(review, tickets, followed),
            summary=f"Write the report of {review.week}",
            **GATHER,
        )
        lines = [f"- {kind}: {ticket}" for kind, ticket in tickets.items()] or ["- no flag was raised often"]
        workflow.set_current_details("\n".join([f"**{review.week}** [report]({url})", "", *lines]))
        return ReviewDone(review.week, url, tickets)

    async def _open_tickets(self, review: WeekReview) -> dict[str, str]:
        """One after the other; a tracker that stays away costs the tickets and not the report."""
        tickets = {}
        for flag in (flag for flag in review.flags if flag.repeated):
            kind = flag.tally.kind
            try:
                tickets[kind] = await workflow.execute_activity_method(
                    ReviewActivities.open_flag_ticket,
                    FlagTicket(review.week, flag),
                    summary=f"One ticket for {kind}",
                    **TICKET,
                )
            except ActivityError:
                tickets[kind] = "the ticket could not be opened"
        return tickets

    async def _follow_up(self, review: WeekReview) -> dict[str, str]:
        followed = {}
        for flag in (flag for flag in review.flags if flag.ticketed_before):
            kind = flag.tally.kind
            try:
                line = await workflow.execute_activity_method(
                    ReviewActivities.follow_up_ticket,
                    FlagTicket(review.week, flag),
                    summary=f"Did {kind} fall?",
                    **TICKET,
                )
            except ActivityError:
                line = "last week's ticket could not be looked up"
            if line:
                followed[kind] = line
        return followed
