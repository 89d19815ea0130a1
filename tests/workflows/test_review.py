"""The Monday review: a report, one ticket for each flag that repeats, and a look at last week's."""

from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import WorkflowFailureError

from firstline.domain.flags import Flag, FlagKind
from firstline.ports import PortError, Rejected
from tests.workflows.finished import finished
from tests.workflows.stage import Stage
from workflows.review import ReviewDone, ReviewInput, ReviewWorkflow

TUESDAY = datetime(2026, 11, 17, 12, 0, tzinfo=UTC)
WEEK = timedelta(days=7)
LOW = FlagKind.LOW_CONFIDENCE


async def flagged(stage: Stage, times: int, at: datetime, kind: FlagKind = LOW) -> None:
    """So many calls with one flag each."""
    for number in range(times):
        record = finished(f"CA{kind}{at:%j}{number}", at + timedelta(minutes=number), Flag(kind, 1, "why"))
        await stage.world.read_model.save_call(record, "")


async def review(stage: Stage, week: str = "2026-W47") -> ReviewDone:
    return await stage.server.client.execute_workflow(
        ReviewWorkflow.run, ReviewInput(week), id=f"review-{week}", task_queue=stage.task_queue
    )


class TestAReview:
    async def test_opens_one_ticket_for_a_flag_seen_more_than_three_times(self, stage: Stage) -> None:
        await flagged(stage, 4, TUESDAY)
        await flagged(stage, 3, TUESDAY, FlagKind.HANDOFF)

        done = await review(stage)

        assert [draft.summary for draft in stage.world.tickets.opened.values()] == [
            "low confidence: flagged 4 times in 2026-W47"
        ]
        assert list(done.tickets) == ["low_confidence"]

    async def test_writes_a_report_to_where_people_find_it(self, stage: Stage) -> None:
        await flagged(stage, 4, TUESDAY)

        done = await review(stage)

        text = stage.world.object_store.blobs["reports/review-2026-W47.md"].decode()
        assert done.report_url.endswith("reports/review-2026-W47.md")
        assert "| low confidence | 4 | 0 | [SUP-1](https://tracker.example/browse/SUP-1) |" in text
        assert "turn 1: why" in text

    async def test_run_again_opens_nothing_twice(self, stage: Stage) -> None:
        await flagged(stage, 4, TUESDAY)

        first, second = await review(stage), await review(stage)

        assert len(stage.world.tickets.opened) == 1
        assert first == second

    async def test_whose_ticket_was_opened_and_whose_answer_was_lost_opens_no_second(self, stage: Stage) -> None:
        await flagged(stage, 4, TUESDAY)
        stage.world.tickets.errors["open"] = [PortError("the answer was lost")]

        await review(stage)

        assert len(stage.world.tickets.opened) == 1

    async def test_tells_last_weeks_ticket_whether_its_flag_fell(self, stage: Stage) -> None:
        await flagged(stage, 9, TUESDAY - WEEK)
        await flagged(stage, 5, TUESDAY - WEEK, FlagKind.HANDOFF)
        await flagged(stage, 2, TUESDAY)
        await flagged(stage, 5, TUESDAY, FlagKind.HANDOFF)
        await review(stage, "2026-W46")

        await review(stage, "2026-W47")

        opened = stage.world.tickets.opened
        assert [draft.labels[2:] for draft in opened.values()] == [["fell-2026-W47"], ["not-fallen-2026-W47"], []]
        text = stage.world.object_store.blobs["reports/review-2026-W47.md"].decode()
        assert "fell from 9 to 2" in text
        assert "did not fall from 5 to 5" in text

    async def test_without_a_tracker_is_still_written(self, stage: Stage) -> None:
        await flagged(stage, 4, TUESDAY)
        stage.world.tickets.errors["open"] = [Rejected("Jira refused the request (403)")]

        done = await review(stage)

        assert done.tickets == {"low_confidence": "the ticket could not be opened"}
        assert "the ticket could not be opened" in stage.world.object_store.blobs["reports/review-2026-W47.md"].decode()

    async def test_without_a_week_takes_the_last_whole_one(self, stage: Stage) -> None:
        now = await stage.server.get_current_time()

        done = await review(stage, "")

        year, week, _ = (now - WEEK).isocalendar()
        assert done.week == f"{year}-W{week:02d}"

    async def test_of_what_is_no_week_is_refused(self, stage: Stage) -> None:
        with pytest.raises(WorkflowFailureError) as refused:
            await review(stage, "2026-47")

        assert "not an ISO week" in str(refused.value.cause.__cause__)
