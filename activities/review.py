"""The weekly review: count, open tickets, look after last week's, write the report."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

from temporalio import activity
from temporalio.common import RetryPolicy

from activities.failures import rejection_is_final
from activities.policy import Policy
from firstline.domain.iso_week import before, bounds, week_of
from firstline.domain.review import (
    FlagInWeek,
    WeekReview,
    change,
    compare,
    report,
    report_key,
    ticket_label,
    verdict_label,
)
from firstline.ports import ObjectStore, Rejected
from firstline.ports_after_call import CallStatistics, TicketDraft, Tickets

EXAMPLES = 20
"""Places that the report shows for each flag."""

# Nobody waits for a review, and a week's outage must not lose one.
GATHER = Policy(
    start_to_close_timeout=timedelta(minutes=2),
    schedule_to_close_timeout=timedelta(days=6),
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=5), maximum_interval=timedelta(minutes=15)),
)
# The tracker's search lags behind a new ticket: a retry that came at once would not find what the lost attempt opened.
TICKET = Policy(
    start_to_close_timeout=timedelta(seconds=30),
    schedule_to_close_timeout=timedelta(hours=12),
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=30), maximum_interval=timedelta(minutes=15)),
)


@dataclass(frozen=True)
class WeekAsked:
    """Which week to review: a named one, or the one before a moment."""

    at: str
    """ISO 8601 with offset."""
    week: str = ""
    """ISO week; empty for the last whole week before `at`."""


@dataclass(frozen=True)
class FlagTicket:
    """A flag that was raised too often in this week."""

    week: str
    flag: FlagInWeek


@dataclass(frozen=True)
class ReviewReport:
    """What the report says: kind of flag -> a line about this week's, and about last week's ticket."""

    review: WeekReview
    tickets: dict[str, str] = field(default_factory=dict)
    followed: dict[str, str] = field(default_factory=dict)


class ReviewActivities:
    """The Monday review. Without `tickets` no tracker is set up, and the report says so.

    `link_base` is put before `/call-<CallSid>`.
    """

    def __init__(
        self,
        statistics: CallStatistics,
        object_store: ObjectStore,
        tickets: Tickets | None,
        zone: tzinfo,
        link_base: str,
    ) -> None:
        self._statistics = statistics
        self._object_store = object_store
        self._tickets = tickets
        self._zone = zone
        self._link_base = link_base.rstrip("/")

    @activity.defn
    async def review_week(self, asked: WeekAsked) -> WeekReview:
        """Count a week's flags and those of the week before. Reads only."""
        with rejection_is_final():
            try:
                week = asked.week or before(week_of(datetime.fromisoformat(asked.at), self._zone))
                now, then = bounds(week, self._zone), bounds(before(week), self._zone)
            except ValueError as error:
                raise Rejected(str(error)) from error
            tallies = await self._statistics.flag_tallies(*now, EXAMPLES)
            return compare(week, tallies, await self._statistics.flag_tallies(*then, 0))

    @activity.defn
    async def open_flag_ticket(self, asked: FlagTicket) -> str:
        """Open the ticket of this flag and week; returns its Markdown link, or why there is none.

        The tracker has no idempotency key: every attempt first looks for the ticket by its label.
        """
        if self._tickets is None:
            return "no tracker is set up"
        tally, week = asked.flag.tally, asked.week
        label = ticket_label(tally.kind, week)
        with rejection_is_final():
            ticket = await self._tickets.find(label)
            if ticket is None:
                ticket = await self._tickets.open(self._draft(asked.flag, week, label))
        return f"[{ticket.key}]({ticket.link})"

    @activity.defn
    async def follow_up_ticket(self, asked: FlagTicket) -> str:
        """Tell last week's ticket whether its flag fell; returns a line for the report, empty when there is no ticket.

        Idempotent: the verdict is a label, and labels are a set.
        """
        if self._tickets is None:
            return ""
        with rejection_is_final():
            ticket = await self._tickets.find(ticket_label(asked.flag.tally.kind, before(asked.week)))
            if ticket is None:
                return ""
            await self._tickets.add_label(ticket.key, verdict_label(asked.flag, asked.week))
        return f"[{ticket.key}]({ticket.link}) {change(asked.flag)}"

    @activity.defn
    async def write_review(self, asked: ReviewReport) -> str:
        """Store the report and return its link. Idempotent: the same week is the same key."""
        text = report(asked.review, asked.tickets, asked.followed, self._link_base)
        with rejection_is_final():
            return await self._object_store.put(report_key(asked.review.week), text.encode())

    def _draft(self, flag: FlagInWeek, week: str, label: str) -> TicketDraft:
        name = flag.tally.kind.replace("_", " ")
        places = [
            f"{self._link_base}/call-{example.call_sid} turn {example.turn}: {example.detail}"
            for example in flag.tally.examples
        ]
        opening = f"{flag.tally.count} times in {week}, {flag.count_before} times the week before. Newest first:"
        summary = f"{name}: flagged {flag.tally.count} times in {week}"
        return TicketDraft(summary, [opening, *places], ["firstline", label])
