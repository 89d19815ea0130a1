"""A callback that is promised in a call is kept, moved, cancelled or refused."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from temporalio.testing import WorkflowEnvironment

from activities.callback import CallbackRules
from firstline.domain.call import Outcome
from firstline.domain.callback import CallbackState, DialStatus
from firstline.domain.hours import Hours, parse_open
from firstline.names import callback_workflow_id
from tests.workflows.calls import (
    answered_turn,
    call_me,
    started,
    stream_ended,
    talking,
)
from tests.workflows.fakes import World, leg_sid
from tests.workflows.stage import Stage, on_stage
from tests.workflows.under_way import book, learn, refusal
from workflows.call import CallWorkflow


class TestACallback:
    async def test_is_promised_and_outlives_the_call(self, stage: Stage) -> None:
        start = started()
        call = await stage.call(start, *talking(start))
        at = await stage.server.get_current_time() + timedelta(days=2)

        booked = await book(call, call_me(start, at))
        await learn(call, stream_ended(start, "goodbye"))
        closed = await call.result()
        callback = stage.of(callback_workflow_id(start.call_sid))
        await callback.signal("dial_status", args=[leg_sid(1), DialStatus.ANSWERED])
        kept = await stage.result_of(callback.id)

        assert booked.callback_id == callback.id
        assert closed.outcome is Outcome.CALLBACK
        assert kept["state"] == CallbackState.ANSWERED

    async def test_that_is_cancelled_in_the_same_call_leaves_no_promise_behind(self, stage: Stage) -> None:
        start = started()
        call = await stage.call(start, *talking(start), answered_turn(start))
        at = await stage.server.get_current_time() + timedelta(days=2)
        booked = await book(call, call_me(start, at))

        await stage.of(booked.callback_id).execute_update("withdraw")
        view = await call.query(CallWorkflow.state)
        await learn(call, stream_ended(start, "goodbye"))
        closed = await call.result()

        assert view.callback_at == ""
        assert closed.outcome is Outcome.RESOLVED
        assert stage.world.telephony.dialled == []

    async def test_may_be_promised_again_after_it_was_cancelled(self, stage: Stage) -> None:
        start = started()
        call = await stage.call(start, *talking(start))
        at = await stage.server.get_current_time() + timedelta(days=2)
        first = await book(call, call_me(start, at))
        await stage.of(first.callback_id).execute_update("withdraw")

        second = await book(call, call_me(start, at + timedelta(days=1)))
        await learn(call, stream_ended(start, "goodbye"))
        closed = await call.result()
        await stage.of(second.callback_id).signal("dial_status", args=[leg_sid(1), DialStatus.ANSWERED])
        kept = await stage.result_of(second.callback_id)

        assert closed.outcome is Outcome.CALLBACK
        assert kept["state"] == CallbackState.ANSWERED
        assert len(stage.world.telephony.dialled) == 1

    async def test_is_moved_when_another_time_is_asked_for(self, stage: Stage) -> None:
        start = started()
        call = await stage.call(start, *talking(start))
        now = await stage.server.get_current_time()
        await book(call, call_me(start, now + timedelta(days=2)))
        later = now + timedelta(days=9)

        moved = await book(call, call_me(start, later))
        await stage.result_of(callback_workflow_id(start.call_sid))

        assert moved.at == later.isoformat()
        assert len(stage.world.telephony.dialled) == 3
        assert [dial.to_number for dial in stage.world.telephony.dialled] == [start.from_number] * 3

    async def test_in_the_past_is_refused_in_a_line_for_the_model(self, stage: Stage) -> None:
        start = started()
        call = await stage.call(start, *talking(start))
        at = await stage.server.get_current_time() - timedelta(minutes=1)

        line = await refusal(call, CallWorkflow.callback, call_me(start, at))

        assert line == "No callback was booked: that time has already passed"

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ({"at": "2090-01-01T09:00:00+00:00"}, "that is more than 30 days away"),
            ({"phone": "my other phone"}, "the phone number is not in international format, like +15551234567"),
            ({"phone": "+442079460958"}, "we do not call numbers in that country (GB)"),
            ({"phone": "+19005551234"}, "we do not call premium-rate numbers"),
        ],
    )
    async def test_that_cannot_be_kept_is_refused_in_a_line_for_the_model(
        self, stage: Stage, change: dict[str, str], why: str
    ) -> None:
        start = started()
        call = await stage.call(start, *talking(start))
        request = replace(call_me(start, await stage.server.get_current_time() + timedelta(days=1)), **change)

        line = await refusal(call, CallWorkflow.callback, request)

        assert line == f"No callback was booked: {why}"

    async def test_outside_of_the_hours_is_refused_with_the_next_time_that_is_not(
        self, skipping_server: WorkflowEnvironment
    ) -> None:
        zone = ZoneInfo("America/New_York")
        world = World(rules=CallbackRules(Hours(zone, parse_open("mon-sun 08:00-20:00")), frozenset({"US"})))
        async with on_stage(skipping_server, world) as stage:
            start = started()
            call = await stage.call(start, *talking(start))
            tomorrow = (await stage.server.get_current_time()).astimezone(zone) + timedelta(days=1)

            line = await refusal(call, CallWorkflow.callback, call_me(start, tomorrow.replace(hour=5, minute=30)))

        assert line == (
            f"No callback was booked: {tomorrow:%A} at 5:30 AM is outside of the hours in which we call; "
            f"the next time we can call is {tomorrow:%A, %B} {tomorrow.day} at 8:00 AM"
        )
