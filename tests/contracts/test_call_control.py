"""What the bridge may rely on of the control plane, the fake one and the durable one."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest
from temporalio.testing import WorkflowEnvironment

from firstline.adapters.temporal import TemporalCallControl
from firstline.domain.callback import DialStatus
from firstline.domain.facts import FactKind, NextStep
from firstline.domain.handoff import RepAnswer
from firstline.names import callback_workflow_id, handoff_workflow_id
from firstline.ports import CallControl, PortError, Rejected
from tests.fakes.call_control import FakeCallControl
from tests.workflows.calls import (
    REPS,
    activities_of,
    answered_turn,
    call_me,
    fact,
    started,
    stream_ended,
    talking,
    wants_nothing,
    wants_person,
)
from tests.workflows.fakes import World
from workers.worker import build_worker

T = TypeVar("T")
DEADLINE = 10.0
"""Seconds; generous, because the machine that runs the tests may be busy."""


@pytest.fixture(scope="module")
def world() -> World:
    """What the real control plane acts on."""
    return World()


@pytest.fixture(scope="module")
async def durable(dev_server: WorkflowEnvironment, world: World) -> AsyncIterator[TemporalCallControl]:
    """The real thing: the development server and a worker."""
    async with build_worker(dev_server.client, activities_of(world), "contract"):
        yield TemporalCallControl(dev_server.client, "contract")


@pytest.fixture(params=["fake", "temporal"])
def control(request: pytest.FixtureRequest) -> CallControl:
    if request.param == "fake":
        return FakeCallControl()
    found: TemporalCallControl = request.getfixturevalue("durable")
    return found


class TestFacts:
    async def test_begin_the_call_and_may_be_repeated(self, control: CallControl) -> None:
        start = started()
        await control.deliver(start, talking(start))

        await control.deliver(start, [*talking(start), answered_turn(start)])

        assert await control.next_step(start.call_sid, DEADLINE) is NextStep.RESUME

    async def test_that_come_after_the_end_are_dropped(self, control: CallControl) -> None:
        start = started()
        await control.deliver(start, [*talking(start), stream_ended(start, "goodbye")])
        await control.next_step(start.call_sid, DEADLINE)

        await control.deliver(start, [answered_turn(start)])

        assert await control.next_step(start.call_sid, DEADLINE) is NextStep.GOODBYE


class TestAHandoff:
    async def test_without_evidence_is_rejected_with_the_reason(self, control: CallControl) -> None:
        start = started()

        with pytest.raises(Rejected, match=r"No person was called: confidence 0\.95 is not below 0\.7"):
            await control.request_handoff(start, wants_nothing(start), DEADLINE)

    async def test_is_accepted_even_as_the_first_thing_known_of_a_call(self, control: CallControl) -> None:
        start = started()

        accepted = await control.request_handoff(start, wants_person(start), DEADLINE)

        assert accepted.handoff_id == handoff_workflow_id(start.call_sid)
        assert (accepted.decision.allowed, accepted.already) == (True, False)

    async def test_is_the_same_when_asked_for_again(self, control: CallControl) -> None:
        start = started()
        first = await control.request_handoff(start, wants_person(start), DEADLINE)

        again = await control.request_handoff(start, wants_nothing(start), DEADLINE)

        assert (again.handoff_id, again.decision, again.already) == (first.handoff_id, first.decision, True)

    async def test_sends_the_caller_to_the_conference(self, control: CallControl) -> None:
        start = started()

        await control.request_handoff(start, wants_person(start), DEADLINE)

        assert await control.next_step(start.call_sid, DEADLINE) is NextStep.CONFERENCE

    async def test_hears_what_a_rep_did_who_was_rung(self, control: CallControl, world: World) -> None:
        start = started()
        world.telephony.ring_in(start)
        await control.request_handoff(start, wants_person(start), DEADLINE)
        await control.deliver(start, [fact(start, "farewell", FactKind.FAREWELL_PLAYED)])
        if isinstance(control, TemporalCallControl):
            await world.telephony.until(lambda: start.call_sid in {call.call_sid for call in world.telephony.rung})

        await control.rep_answered(start.call_sid, REPS[0], RepAnswer.DECLINED)
        await control.rep_joined(start.call_sid, "CA" + "e" * 32)

        assert await control.next_step(start.call_sid, DEADLINE) is NextStep.CONFERENCE

    async def test_that_was_never_asked_for_has_no_rep(self, control: CallControl) -> None:
        with pytest.raises(Rejected):
            await control.rep_answered(started().call_sid, REPS[0], RepAnswer.ACCEPTED)
        with pytest.raises(Rejected, match="is over"):
            await control.rep_joined(started().call_sid, "CA" + "e" * 32)

    async def test_of_a_call_that_is_over_is_rejected(self, control: CallControl) -> None:
        start = started()
        await control.deliver(start, [*talking(start), stream_ended(start, "caller_hung_up")])
        await control.next_step(start.call_sid, DEADLINE)

        with pytest.raises(Rejected, match="The call is over"):
            await control.request_handoff(start, wants_person(start), DEADLINE)


class TestACallback:
    async def test_is_booked_under_an_id_that_can_be_guessed(self, control: CallControl) -> None:
        start, at = started(), datetime.now(UTC) + timedelta(days=3)

        booked = await control.request_callback(start, call_me(start, at), DEADLINE)

        assert (booked.callback_id, booked.at) == (callback_workflow_id(start.call_sid), at.isoformat())

    async def test_is_moved_when_asked_for_again(self, control: CallControl) -> None:
        start, at = started(), datetime.now(UTC) + timedelta(days=3)
        first = await control.request_callback(start, call_me(start, at), DEADLINE)

        moved = await control.request_callback(start, call_me(start, at + timedelta(hours=1)), DEADLINE)

        assert (moved.callback_id, moved.at) == (first.callback_id, (at + timedelta(hours=1)).isoformat())

    async def test_in_the_past_is_rejected_with_the_reason(self, control: CallControl) -> None:
        start, at = started(), datetime.now(UTC) - timedelta(minutes=1)

        with pytest.raises(Rejected, match="No callback was booked: that time has already passed"):
            await control.request_callback(start, call_me(start, at), DEADLINE)

    async def test_hears_what_became_of_its_dialled_call(self, control: CallControl) -> None:
        start, at = started(), datetime.now(UTC) + timedelta(days=3)
        await control.request_callback(start, call_me(start, at), DEADLINE)

        await control.dial_status(start.call_sid, started().call_sid, DialStatus.BUSY)

        assert await control.next_step(start.call_sid, DEADLINE) is NextStep.RESUME

    async def test_that_was_never_promised_has_no_status(self, control: CallControl) -> None:
        with pytest.raises(Rejected):
            await control.dial_status(started().call_sid, started().call_sid, DialStatus.BUSY)


class TestACallerWhoLeaves:
    async def test_is_owed_nothing_more(self, control: CallControl) -> None:
        start = started()
        await control.request_handoff(start, wants_person(start), DEADLINE)

        await control.caller_left(start.call_sid)

        assert await control.next_step(start.call_sid, DEADLINE) is NextStep.GOODBYE

    async def test_of_an_unknown_call_is_refused(self, control: CallControl) -> None:
        with pytest.raises(Rejected):
            await control.caller_left(started().call_sid)


class TestAnUnknownCall:
    async def test_has_no_next_step(self, control: CallControl) -> None:
        with pytest.raises(PortError):
            await control.next_step(started().call_sid, DEADLINE)


class TestACallbackThatIsStillOwed:
    async def test_is_found_by_its_number_moved_and_cancelled(self, control: CallControl) -> None:
        start = started()
        phone = f"+1555{random.randrange(10**7):07d}"
        request = replace(call_me(start, datetime.now(UTC) + timedelta(days=2)), phone=phone)
        booked = await control.request_callback(start, request, DEADLINE)
        [owed] = await eventually(lambda: control.open_callbacks(phone, DEADLINE))
        later = replace(request, at=(datetime.now(UTC) + timedelta(days=3)).isoformat())

        await control.move_callback(booked.callback_id, later)
        [moved] = await control.open_callbacks(phone, DEADLINE)
        await control.cancel_callback(booked.callback_id)

        assert (owed.callback_id, owed.phone, owed.topic) == (booked.callback_id, phone, request.topic)
        assert datetime.fromisoformat(owed.at) == datetime.fromisoformat(request.at)
        assert datetime.fromisoformat(moved.at) == datetime.fromisoformat(later.at)
        assert await eventually(lambda: control.open_callbacks(phone, DEADLINE), until=lambda found: not found) == []

    async def test_that_is_cancelled_is_not_owed_by_its_call_any_more(self, control: CallControl) -> None:
        start = started()
        await control.deliver(start, talking(start))
        booked = await control.request_callback(start, call_me(start, datetime.now(UTC) + timedelta(days=2)), DEADLINE)

        await control.cancel_callback(booked.callback_id)
        again = await control.request_callback(start, call_me(start, datetime.now(UTC) + timedelta(days=3)), DEADLINE)
        await control.cancel_callback(again.callback_id)
        context = await control.resume_context(start.call_sid, DEADLINE)

        assert again.callback_id == booked.callback_id
        assert context.promises == []

    async def test_is_not_moved_into_the_past(self, control: CallControl) -> None:
        start = started()
        request = call_me(start, datetime.now(UTC) + timedelta(days=2))
        booked = await control.request_callback(start, request, DEADLINE)

        with pytest.raises(Rejected, match="already passed"):
            await control.move_callback(booked.callback_id, replace(request, at="2001-01-01T09:00:00+00:00"))

    async def test_that_nobody_promised_is_neither_moved_nor_cancelled(self, control: CallControl) -> None:
        request = call_me(started(), datetime.now(UTC) + timedelta(days=2))

        with pytest.raises(Rejected, match="is over"):
            await control.move_callback(callback_workflow_id(request.call_sid), request)
        with pytest.raises(Rejected, match="is over"):
            await control.cancel_callback(callback_workflow_id(request.call_sid))

    async def test_of_something_that_is_no_number_is_not_looked_for(self, control: CallControl) -> None:
        with pytest.raises(Rejected, match="international format"):
            await control.open_callbacks("' OR CallerNumber != '", DEADLINE)


class TestAPage:
    async def test_may_be_acknowledged_once_its_handoff_runs(self, control: CallControl) -> None:
        start = started()
        await control.deliver(start, talking(start))
        accepted = await control.request_handoff(start, wants_person(start), DEADLINE)

        async def acknowledged() -> bool:
            try:
                await control.page_acknowledged(accepted.handoff_id, "Ada on call")
            except Rejected:
                return False
            return True

        assert await eventually(acknowledged)

    async def test_of_an_unknown_call_is_refused(self, control: CallControl) -> None:
        with pytest.raises(Rejected, match="is over"):
            await control.page_acknowledged(handoff_workflow_id("CA" + "0" * 32), "Ada on call")


async def eventually(ask: Callable[[], Awaitable[T]], until: Callable[[T], bool] = bool) -> T:
    """Ask until the answer is as wanted: what is asked about lags behind what has happened."""
    async with asyncio.timeout(DEADLINE):
        # Neither Temporal's list nor a workflow that is about to start has an event to wait for.
        while not until(found := await ask()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return found
