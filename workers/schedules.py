"""What runs by the calendar: created when missing, updated when it changed, and a pause by hand is left alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleState,
    ScheduleUpdate,
    ScheduleUpdateInput,
)

from firstline import names
from workflows.csat import CsatInput
from workflows.review import ReviewInput

log = structlog.get_logger()


@dataclass(frozen=True)
class Cadence:
    """One schedule. Its id is also the id of what it starts, before the time that Temporal appends."""

    id: str
    workflow: str
    note: str
    """What it does, for people who see it in the UI."""
    spec: ScheduleSpec
    args: list[Any] = field(default_factory=list)
    catch_up: timedelta = timedelta(days=6)
    """Runs missed while Temporal was down are made up for within this time."""
    longest: timedelta = timedelta(days=6)
    """A run that takes longer is ended."""


def cadences(timezone: str) -> list[Cadence]:
    """Every schedule of the product; calendar times are in this IANA time zone."""
    return [
        Cadence(
            "monday-review",
            names.REVIEW_WORKFLOW,
            "Mondays at 7: last week's flagged turns as a report, one ticket for each flag seen more than 3 times",
            _calendar(timezone, hour=7, day_of_week=1),
            [ReviewInput()],
        ),
        Cadence(
            "monthly-csat",
            names.CSAT_WORKFLOW,
            "On the 1st at 6: draws 40 deflected calls of last month; csat-<month> then takes their scores",
            _calendar(timezone, hour=6, day_of_month=1),
            [CsatInput()],
            catch_up=timedelta(days=27),
        ),
        Cadence(
            "daily-retention",
            names.RETENTION_WORKFLOW,
            "Daily at 3:30: traces older than 30 days go cold, calls older than a year go; legal holds stay",
            _calendar(timezone, hour=3, minute=30),
            catch_up=timedelta(days=1),
            longest=timedelta(days=1),
        ),
        Cadence(
            "orphan-reconciler",
            names.ORPHANS_WORKFLOW,
            "Every 10 minutes: ends workflows whose call is over, pages for live calls that have no workflow",
            ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(minutes=10))]),
            catch_up=timedelta(minutes=1),
            longest=timedelta(hours=2),
        ),
        Cadence(
            "slo-burn",
            names.SLO_WORKFLOW,
            "Every 5 minutes: pages while p95 of first_audio_ms is broken in a long and a short window at once",
            ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(minutes=5))]),
            catch_up=timedelta(minutes=1),
            longest=timedelta(hours=2),
        ),
    ]


async def keep_schedules(client: Client, wanted: Sequence[Cadence], task_queue: str = names.TASK_QUEUE) -> None:
    """Create or update every schedule; harmless when repeated, and by several workers at once. Raises `RPCError`."""
    for cadence in wanted:
        try:
            await client.create_schedule(cadence.id, _schedule(cadence, task_queue))
        except ScheduleAlreadyRunningError:
            await _update(client, cadence, task_queue)
    log.info("schedules_kept", ids=[cadence.id for cadence in wanted])


async def _update(client: Client, cadence: Cadence, task_queue: str) -> None:
    def changed(now: ScheduleUpdateInput) -> ScheduleUpdate:
        fresh = _schedule(cadence, task_queue)
        # Somebody who paused it had a reason, which the note may tell.
        state = now.description.schedule.state
        if state.paused:
            fresh.state = state
        return ScheduleUpdate(fresh)

    await client.get_schedule_handle(cadence.id).update(changed)


def _schedule(cadence: Cadence, task_queue: str) -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            cadence.workflow,
            args=cadence.args,
            id=cadence.id,
            task_queue=task_queue,
            execution_timeout=cadence.longest,
            static_summary=cadence.note,
        ),
        spec=cadence.spec,
        # The one that runs is let finish; the next run does what this one would have done.
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=cadence.catch_up),
        state=ScheduleState(note=cadence.note),
    )


def _calendar(timezone: str, **at: int) -> ScheduleSpec:
    ranges: dict[str, Any] = {name: [ScheduleRange(value)] for name, value in at.items()}
    return ScheduleSpec(calendars=[ScheduleCalendarSpec(**ranges)], time_zone_name=timezone)
