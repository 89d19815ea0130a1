"""Records the histories that the replay test replays: `python -m tests.histories.record [scene …]`.

Record again only when a workflow changes in a way that running workflows survive (a patch, or nothing left running):
a history that no longer replays is what the test is there to find.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from firstline.adapters.embedded_temporal import dev_server_binary
from firstline.adapters.temporal import add_search_attributes, register_search_attributes
from firstline.domain.callback import DialStatus
from firstline.domain.csat import CsatScore
from firstline.domain.facts import FactKind
from firstline.domain.flags import Flag, FlagKind
from firstline.domain.handoff import RepAnswer
from firstline.names import SEARCH_ATTRIBUTES, TASK_QUEUE, call_workflow_id, callback_workflow_id, handoff_workflow_id
from tests.fixtures.temporal import time_skipping_binary
from tests.workflows.calls import (
    REPS,
    answered_turn,
    call_ended,
    call_me,
    fact,
    started,
    stream_ended,
    talking,
    wants_person,
)
from tests.workflows.fakes import leg_sid
from tests.workflows.finished import finished
from tests.workflows.stage import Stage, on_stage
from workflows.call import CallWorkflow
from workflows.csat import CsatInput, CsatWorkflow
from workflows.orphans import OrphansWorkflow
from workflows.retention import RetentionWorkflow
from workflows.review import ReviewInput, ReviewWorkflow
from workflows.slo import SloWorkflow

FOLDER = Path(__file__).parent
RECORDER = "recorder"
"""Client identity in the recorded events; the default names the machine."""

Handle = WorkflowHandle[Any, Any]
Scene = Callable[[Stage], Awaitable[dict[str, Handle]]]


async def resolved(stage: Stage) -> dict[str, Handle]:
    """A stream is lost and comes back, a question is answered, the agent says goodbye."""
    start = started()
    call = await stage.call(start, *talking(start), stream_ended(start, "bridge_lost", 5))
    await call.signal("facts", [fact(start, "stream:2", FactKind.STREAM_STARTED, 9, "MZ2"), answered_turn(start)])
    await call.signal("facts", [stream_ended(start, "goodbye")])
    await call.result()
    return {"call_resolved": call}


async def shown(stage: Stage) -> dict[str, Handle]:
    """A short call, whose trace is shown where people look."""
    start = started()
    call = await stage.call(start, *talking(start), answered_turn(start), stream_ended(start, "goodbye"))
    await call.result()
    return {"call_shown": call}


async def _handed_off(stage: Stage) -> tuple[WorkflowHandle[CallWorkflow, Any], Handle]:
    start = started()
    call = await stage.call(start, *talking(start), answered_turn(start, confidence=0.4))
    await call.execute_update(CallWorkflow.handoff, wants_person(start))
    await call.signal("facts", [fact(start, "farewell", FactKind.FAREWELL_PLAYED, 20)])
    await stage.world.telephony.until(lambda: stage.world.telephony.has_rung(1))
    return call, stage.of(handoff_workflow_id(start.call_sid))


async def transferred(stage: Stage) -> dict[str, Handle]:
    """The first rep declines, the second takes the call, the caller hangs up afterwards."""
    call, saga = await _handed_off(stage)
    await saga.signal("page_acknowledged", "Tier-2 on call")
    await saga.signal("rep_answered", args=[REPS[0], RepAnswer.DECLINED])
    await stage.world.telephony.until(lambda: stage.world.telephony.has_rung(2))
    await saga.signal("rep_answered", args=[REPS[1], RepAnswer.ACCEPTED])
    await saga.signal("rep_joined", leg_sid(2))
    await saga.result()
    await call.signal("caller_left")
    await call.result()
    return {"call_transferred": call, "handoff_bridged": saga}


async def taken(stage: Stage) -> dict[str, Handle]:
    """Whoever is on call was asked for at once; the first rep takes the call."""
    call, saga = await _handed_off(stage)
    await saga.signal("rep_answered", args=[REPS[0], RepAnswer.ACCEPTED])
    await saga.signal("rep_joined", leg_sid(1))
    await saga.result()
    await call.signal("caller_left")
    await call.result()
    return {"handoff_on_call": saga}


async def lost_on_the_way(stage: Stage) -> dict[str, Handle]:
    """The first rep accepts and their leg ends; the second one comes, and only the carrier knows."""
    call, saga = await _handed_off(stage)
    for answer in (RepAnswer.ACCEPTED, RepAnswer.DECLINED):
        await saga.signal("rep_answered", args=[REPS[0], answer])
    await stage.world.telephony.until(lambda: stage.world.telephony.has_rung(2))
    stage.world.telephony.join(leg_sid(2), call.id.removeprefix("call-"))
    await saga.signal("rep_answered", args=[REPS[1], RepAnswer.ACCEPTED])
    await saga.result()
    await call.signal("caller_left")
    await call.result()
    return {"handoff_lost_on_the_way": saga}


async def left_waiting(stage: Stage) -> dict[str, Handle]:
    """The caller hangs up while a rep is rung."""
    call, saga = await _handed_off(stage)
    await call.signal("caller_left")
    await call.result()
    return {"call_left_waiting": call, "handoff_caller_left": saga}


async def failsafe(stage: Stage) -> dict[str, Handle]:
    """Nobody answers; every timer of the handoff runs out."""
    start = started()
    call = await stage.call(start, *talking(start))
    await call.execute_update(CallWorkflow.handoff, wants_person(start))
    await stage.result_of(handoff_workflow_id(start.call_sid))
    await call.signal("facts", [call_ended(start)])
    await call.result()
    return {"call_failsafe": call, "handoff_failsafe": stage.of(handoff_workflow_id(start.call_sid))}


async def callback_kept(stage: Stage) -> dict[str, Handle]:
    """A callback is promised and moved; a machine answers the second attempt, the caller the third."""
    start = started()
    call = await stage.call(start, *talking(start))
    at = await stage.server.get_current_time() + timedelta(days=3)
    await call.execute_update("callback", call_me(start, at))
    await call.execute_update("callback", call_me(start, at + timedelta(days=2)))
    await call.signal("facts", [stream_ended(start, "goodbye")])
    await call.result()
    callback = stage.of(callback_workflow_id(start.call_sid))
    await callback.signal("dial_status", args=[leg_sid(1), DialStatus.BUSY])
    for status in (DialStatus.ANSWERED, DialStatus.MACHINE):
        await callback.signal("dial_status", args=[leg_sid(2), status])
    for status in (DialStatus.ANSWERED, DialStatus.HUMAN):
        await callback.signal("dial_status", args=[leg_sid(3), status])
    await stage.result_of(callback.id)
    return {"call_callback": call, "callback_answered": callback}


async def callback_line_gone(stage: Stage) -> dict[str, Handle]:
    """No bridge was there as the caller picked up: they are rung again."""
    start = started()
    call = await stage.call(start, *talking(start))
    await call.execute_update("callback", call_me(start, await stage.server.get_current_time() + timedelta(days=1)))
    await call.signal("facts", [stream_ended(start, "goodbye")])
    await call.result()
    callback = stage.of(callback_workflow_id(start.call_sid))
    stage.world.telephony.becomes[leg_sid(1)] = DialStatus.CUT_OFF
    for number in (1, 2):
        for status in (DialStatus.ANSWERED, DialStatus.HUMAN):
            await callback.signal("dial_status", args=[leg_sid(number), status])
    await stage.result_of(callback.id)
    return {"callback_line_gone": callback}


async def callback_waiting(stage: Stage) -> dict[str, Handle]:
    """A promise that is still open: what must survive every deployment."""
    start = started()
    call = await stage.call(start, *talking(start))
    await call.execute_update("callback", call_me(start, datetime.now(UTC) + timedelta(days=20)))
    return {"call_open": call, "callback_waiting": stage.of(callback_workflow_id(start.call_sid))}


async def callback_withdrawn(stage: Stage) -> dict[str, Handle]:
    """A promise that the caller takes back in the same call."""
    start = started()
    call = await stage.call(start, *talking(start), answered_turn(start))
    await call.execute_update("callback", call_me(start, datetime.now(UTC) + timedelta(days=20)))
    callback = stage.of(callback_workflow_id(start.call_sid))
    await callback.execute_update("withdraw")
    await callback.result()
    await call.signal("facts", [stream_ended(start, "goodbye")])
    await call.result()
    return {"call_callback_taken_back": call, "callback_withdrawn": callback}


async def reviewed(stage: Stage) -> dict[str, Handle]:
    """A week with a flag that repeats, after a week with a ticket that has to be looked after."""
    for week in range(2):
        for number in range(4 + week):
            at = datetime(2026, 11, 17, tzinfo=UTC) - timedelta(weeks=week, minutes=number)
            flag = Flag(FlagKind.LOW_CONFIDENCE, 1, "confidence 0.41")
            await stage.world.read_model.save_call(finished(f"CA{week}{number}", at, flag), "")
    client, queue = stage.server.client, stage.task_queue
    for week in ("2026-W46", "2026-W47"):
        review = await client.start_workflow(
            ReviewWorkflow.run, ReviewInput(week), id=f"review-{week}", task_queue=queue
        )
        await review.result()
    return {"review_followed_up": review}


async def slo_burning(stage: Stage) -> dict[str, Handle]:
    """The latency promise is broken: somebody is paged."""
    at = datetime.now(UTC) - timedelta(minutes=3)
    await stage.world.read_model.save_call(finished("CA1", at, waits=(900.0,) * 30), "")
    look = await stage.server.client.start_workflow(SloWorkflow.run, id="slo-burn", task_queue=stage.task_queue)
    await look.result()
    return {"slo_burning": look}


async def csat_scored(stage: Stage) -> dict[str, Handle]:
    """A sample of two, opened by the schedule's run; both scores come in."""
    client, queue = stage.server.client, stage.task_queue
    for number in range(2):
        record = finished(f"CA{number}", datetime(2026, 10, 3 + number, tzinfo=UTC))
        await stage.world.read_model.save_call(record, "")
    opening = await client.start_workflow(CsatWorkflow.run, CsatInput(), id="monthly-csat", task_queue=queue)
    await opening.result()
    sample = await client.start_workflow(
        CsatWorkflow.run, CsatInput("2026-10"), id="csat-2026-10-again", task_queue=queue
    )
    while not await sample.query(CsatWorkflow.sample):
        continue
    for number in range(2):
        await sample.execute_update(CsatWorkflow.score, CsatScore(f"CA{number}", 4 + number))
    await sample.result()
    return {"csat_opening": opening, "csat_scored": sample}


async def reconciled(stage: Stage) -> dict[str, Handle]:
    """A workflow without a call is ended; a call without a workflow is paged for."""
    lost, stranded = started(), started()
    call = await stage.call(lost, *talking(lost))
    stage.world.telephony.end(lost.call_sid)
    stage.world.telephony.ring_in(stranded)
    stage.world.open_calls.sids = [lost.call_sid]
    client, queue = stage.server.client, stage.task_queue
    reconciler = await client.start_workflow(OrphansWorkflow.run, id="orphan-reconciler", task_queue=queue)
    await reconciler.result()
    await call.result()
    return {"orphans_found": reconciler}


ON_REAL_TIME: list[Scene] = [
    reviewed,
    slo_burning,
    csat_scored,
    resolved,
    shown,
    taken,
    lost_on_the_way,
    transferred,
    left_waiting,
    callback_waiting,
    callback_withdrawn,
]


async def retained(stage: Stage) -> dict[str, Handle]:
    """A trace goes cold and another one goes for good."""
    for days in (40, 400):
        at = await stage.server.get_current_time() - timedelta(days=days)
        await stage.world.object_store.put(f"traces/{at:%Y-%m-%d}/CA{days}.json", b"{}")
    day = await stage.server.client.start_workflow(
        RetentionWorkflow.run, id="daily-retention", task_queue=stage.task_queue
    )
    await day.result()
    return {"retention_day": day}


async def grown(stage: Stage) -> dict[str, Handle]:
    """A long call, its callback moved often, and a sample with many scores: each goes on in a new run."""
    start, client = started(), stage.server.client
    await stage.call(start, *talking(start))
    call = stage.of(call_workflow_id(start.call_sid))
    callback = stage.of(callback_workflow_id(start.call_sid))
    for number in range(1, 9):
        await call.signal("facts", [answered_turn(start, number)])
        await call.execute_update("callback", call_me(start, datetime.now(UTC) + timedelta(days=20, hours=number)))
    await call.execute_update("callback", call_me(start, datetime.now(UTC) + timedelta(days=21)))
    await callback.execute_update("withdraw")
    await callback.result()
    await call.signal("facts", [stream_ended(start, "goodbye")])
    await call.result()
    for number in range(8):
        await stage.world.read_model.save_call(finished(f"CA{number}", datetime(2026, 10, 3, tzinfo=UTC)), "")
    sample = stage.of("csat-2026-10-grown")
    await client.start_workflow(CsatWorkflow.run, CsatInput("2026-10"), id=sample.id, task_queue=stage.task_queue)
    while not await sample.query(CsatWorkflow.sample):
        continue
    for number in range(8):
        await sample.execute_update(CsatWorkflow.score, CsatScore(f"CA{number}", 4))
    await sample.result()
    lasting = {"call": call, "callback": callback, "csat": sample}
    return {
        f"{name}_goes_on_{part}": client.get_workflow_handle(handle.id, run_id=run)
        for name, handle in lasting.items()
        for part, run in (await _first_and_last(handle)).items()
    }


async def _first_and_last(handle: Handle) -> dict[str, str]:
    last = await handle.fetch_history()
    begun = last.events[0].workflow_execution_started_event_attributes
    return {"first": begun.first_execution_run_id, "last": begun.original_execution_run_id}


ON_AN_IMPATIENT_SERVER: list[Scene] = [grown]
SUGGESTED_AT = 20
"""Events in a history, after which this server suggests a new run."""


ON_SKIPPED_TIME: list[Scene] = [reconciled, retained, failsafe, callback_kept, callback_line_gone]


async def play(server: WorkflowEnvironment, scene: Scene) -> None:
    """Play one scene and write the histories it leaves."""
    async with on_stage(server, task_queue=TASK_QUEUE) as stage:
        for name, handle in (await scene(stage)).items():
            history = (await handle.fetch_history()).to_json_dict()
            document = {"workflow_id": handle.id, "history": _without_traces(history)}
            (FOLDER / f"{name}.json").write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", "utf-8")


def _without_traces(node: Any) -> Any:
    """Stack traces name paths of the machine that recorded."""
    if isinstance(node, dict):
        return {key: _without_traces(value) for key, value in node.items() if key != "stackTrace"}
    return [_without_traces(item) for item in node] if isinstance(node, list) else node


async def record(names: Sequence[str]) -> None:
    """Write every history anew, or those of the named scenes."""
    every = ON_REAL_TIME + ON_AN_IMPATIENT_SERVER + ON_SKIPPED_TIME
    wanted = [scene for scene in every if not names or scene.__name__ in names]
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(dev_server_binary()), identity=RECORDER
    ) as server:
        await register_search_attributes(server.client)
        for scene in (scene for scene in wanted if scene in ON_REAL_TIME):
            await play(server, scene)
    low = f"--dynamic-config-value=limit.historyCount.suggestContinueAsNew={SUGGESTED_AT}"
    for scene in (scene for scene in wanted if scene in ON_AN_IMPATIENT_SERVER):
        async with await WorkflowEnvironment.start_local(
            dev_server_existing_path=str(dev_server_binary()), identity=RECORDER, dev_server_extra_args=[low]
        ) as server:
            await register_search_attributes(server.client)
            await play(server, scene)
    for scene in (scene for scene in wanted if scene in ON_SKIPPED_TIME):
        async with await WorkflowEnvironment.start_time_skipping(
            test_server_existing_path=str(time_skipping_binary()), identity=RECORDER
        ) as server:
            await add_search_attributes(server.client, SEARCH_ATTRIBUTES)
            await play(server, scene)


if __name__ == "__main__":
    asyncio.run(record(sys.argv[1:]))
