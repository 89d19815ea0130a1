"""What a call leaves behind: its trace, and what people see of it in Temporal's UI."""

import json

from temporalio.api.sdk.v1 import WorkflowMetadata

from firstline.domain.handoff import HandoffState
from firstline.names import handoff_workflow_id
from firstline.ports import PortError, Rejected
from tests.workflows.calls import (
    REPS,
    answered_turn,
    call_ended,
    started,
    stream_ended,
    talking,
)
from tests.workflows.stage import Stage
from tests.workflows.under_way import handed_off, learn
from workflows.call import CallWorkflow


class TestTheTrace:
    async def test_is_archived_under_the_day_and_the_call(self, stage: Stage) -> None:
        start = started()
        call = await stage.call(start, *talking(start), answered_turn(start), call_ended(start))

        closed = await call.result()

        key = f"traces/2026-03-02/{start.call_sid}.json"
        trace = json.loads(stage.world.object_store.blobs[key])
        assert closed.trace_url == f"https://objects.example/{key}"
        assert trace["outcome"] == "resolved"
        assert trace["transcript"][0] == {"speaker": "caller", "text": "How do I reset my password?"}

    async def test_survives_a_store_and_a_database_that_are_down_for_a_while(self, stage: Stage) -> None:
        stage.world.object_store.errors["put"] = [PortError("down")] * 4
        stage.world.read_model.errors["save_call"] = [PortError("down")] * 4
        start = started()
        call = await stage.call(start, *talking(start), answered_turn(start), call_ended(start))

        closed = await call.result()

        assert stage.world.read_model.calls[start.call_sid][1] == closed.trace_url != ""

    async def test_is_shown_where_people_look_when_everything_else_is_done(self, stage: Stage) -> None:
        start = started()
        call = await stage.call(start, *talking(start), answered_turn(start), call_ended(start))

        await call.result()

        record, _ = stage.world.trace_view.shown[start.call_sid]
        assert record == stage.world.read_model.calls[start.call_sid][0]
        assert (await call.query(CallWorkflow.timeline))[-1].endswith(
            f"seen at https://traces.example/sessions/{start.call_sid}"
        )

    async def test_stays_in_the_archive_alone_when_the_view_does_not_take_it(self, stage: Stage) -> None:
        stage.world.trace_view.errors["show"] = [PortError("down")] * 4 + [Rejected("401")]
        start = started()
        call = await stage.call(start, *talking(start), answered_turn(start), call_ended(start))

        closed = await call.result()

        assert stage.world.read_model.calls[start.call_sid][1] == closed.trace_url != ""
        assert (await call.query(CallWorkflow.timeline))[-1].endswith("could not be shown; it is in the archive")


class TestTheUi:
    async def test_finds_the_call_by_what_it_came_to(self, stage: Stage) -> None:
        start = started()
        call = await handed_off(stage, start)
        await stage.result_of(handoff_workflow_id(start.call_sid))
        await learn(call, call_ended(start))
        await call.result()

        attributes = (await call.describe()).typed_search_attributes

        assert {pair.key.name: pair.value for pair in attributes if pair.key.name != "TemporalChangeVersion"} == {
            "Outcome": "failsafe",
            "Language": "en",
            "HandoffReason": "caller_request",
            "Deflected": False,
            "Turns": 1,
            "CallerNumber": start.from_number,
            "Flags": ["handoff"],
        }

    async def test_says_on_its_first_line_what_it_came_to(self, stage: Stage) -> None:
        start = started()
        call = await stage.call(start, *talking(start), answered_turn(start), stream_ended(start, "goodbye"))
        await call.result()

        shown = await call.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)

        assert shown.current_details.splitlines()[0] == "**over** · resolved · en · 1 turn"

    async def test_shows_the_steps_of_the_handoff_in_the_calls_own_timeline(self, stage: Stage) -> None:
        start = started()
        call = await handed_off(stage, start)
        await stage.result_of(handoff_workflow_id(start.call_sid))

        timeline = await call.query(CallWorkflow.timeline)
        view = await call.query(CallWorkflow.state)

        assert any(line.endswith(f"Ringing {REPS[1]}") for line in timeline)
        assert view.handoff_state is HandoffState.FAILSAFE
