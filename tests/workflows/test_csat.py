"""The monthly satisfaction sample takes scores as updates."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from firstline.domain.csat import CsatResult, CsatScore
from tests.workflows.finished import finished
from tests.workflows.stage import Stage
from workflows.csat import OPEN_FOR, CsatInput, CsatWorkflow

Sample = WorkflowHandle[CsatWorkflow, CsatResult]
OCTOBER = datetime(2026, 10, 1, tzinfo=UTC)


async def deflected(stage: Stage, calls: int) -> None:
    for number in range(calls):
        record = finished(f"CA{number:03d}", OCTOBER + timedelta(hours=number))
        await stage.world.read_model.save_call(record, "")


async def opened(stage: Stage, month: str = "2026-10") -> Sample:
    """A month's sample, once it is drawn."""
    handle: Sample = await stage.server.client.start_workflow(
        CsatWorkflow.run, CsatInput(month), id=f"csat-{month}", task_queue=stage.task_queue
    )
    async with asyncio.timeout(20):
        while not await handle.query(CsatWorkflow.sample):
            continue
    return handle


async def refusal(sample: Sample, score: CsatScore) -> str:
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await sample.execute_update(CsatWorkflow.score, score)
    assert isinstance(refused.value.cause, ApplicationError)
    return refused.value.cause.message


class TestASample:
    async def test_is_of_forty_deflected_calls_outside_the_evaluation_set(self, stage: Stage) -> None:
        await deflected(stage, 60)
        stage.world.survey.eval_calls = {f"CA{number:03d}" for number in range(15)}

        drawn = set(await (await opened(stage)).query(CsatWorkflow.sample))

        assert len(drawn) == 40
        assert not drawn & stage.world.survey.eval_calls

    async def test_closes_when_every_score_is_in_and_keeps_them(self, stage: Stage) -> None:
        await deflected(stage, 2)
        sample = await opened(stage)

        first = await sample.execute_update(CsatWorkflow.score, CsatScore("CA000", 5))
        await sample.execute_update(CsatWorkflow.score, CsatScore("CA001", 2))

        assert first == CsatResult("2026-10", 2, 1, 5.0)
        assert await sample.result() == CsatResult("2026-10", 2, 2, 3.5)
        assert stage.world.survey.samples == {"2026-10": {"CA000": 5, "CA001": 2}}

    async def test_refuses_what_is_no_score_of_it(self, stage: Stage) -> None:
        await deflected(stage, 2)
        sample = await opened(stage)

        assert "from 1 to 5" in await refusal(sample, CsatScore("CA000", 6))
        assert "not in this month's sample" in await refusal(sample, CsatScore("CA999", 3))
        assert stage.world.survey.samples == {"2026-10": {"CA000": None, "CA001": None}}

    async def test_closes_in_time_with_the_scores_it_has(self, stage: Stage) -> None:
        await deflected(stage, 3)
        sample = await opened(stage)
        await sample.execute_update(CsatWorkflow.score, CsatScore("CA001", 4))

        assert await sample.result() == CsatResult("2026-10", 3, 1, 4.0)
        assert await stage.took(sample) >= OPEN_FOR

    async def test_is_the_same_when_calls_were_added_since(self, stage: Stage) -> None:
        await deflected(stage, 50)
        drawn = await (await opened(stage)).query(CsatWorkflow.sample)
        await deflected(stage, 90)
        await stage.server.client.get_workflow_handle("csat-2026-10").terminate()

        assert await (await opened(stage)).query(CsatWorkflow.sample) == drawn

    async def test_of_last_month_is_opened_once_by_the_schedule(self, stage: Stage) -> None:
        client = stage.server.client
        for run in range(2):
            opening = await client.execute_workflow(
                CsatWorkflow.run, CsatInput(), id=f"monthly-csat-{run}", task_queue=stage.task_queue
            )

        description = await client.get_workflow_handle(f"csat-{opening.month}").describe()
        assert description.parent_id == "monthly-csat-0"
