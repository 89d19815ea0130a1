"""A callback is rung when it was promised, and again within limits."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.testing import WorkflowEnvironment

from activities.callback import CallbackRules
from firstline.domain.callback import CallbackInput, CallbackResult, CallbackState, DialStatus
from firstline.domain.hours import Hours, parse_open
from firstline.ports import PortError, Rejected
from tests.workflows.calls import CALLER, LINE, call_me, started
from tests.workflows.fakes import World, leg_sid
from tests.workflows.stage import Stage, on_stage
from workflows.callback import CallbackWorkflow

NEW_YORK = ZoneInfo("America/New_York")


async def promise(stage: Stage, wait: timedelta = timedelta(days=30)) -> CallbackInput:
    """A callback that is due when this time has passed."""
    return CallbackInput(call_me(started(), await stage.server.get_current_time() + wait), LINE)


class TestThePromisedMoment:
    async def test_is_waited_for_thirty_days_which_pass_quickly(self, stage: Stage) -> None:
        due = await promise(stage)
        began = time.monotonic()
        callback = await stage.callback(due)
        await callback.signal("dial_status", args=[leg_sid(1), DialStatus.ANSWERED])

        result = await callback.result()

        assert result == CallbackResult(CallbackState.ANSWERED, leg_sid(1), attempts=1)
        assert await stage.took(callback) > timedelta(days=29)
        assert time.monotonic() - began < 30

    async def test_is_when_the_caller_is_rung_at_the_number_they_gave(self, stage: Stage) -> None:
        due = await promise(stage)

        callback = await stage.callback(due)
        await callback.signal("dial_status", args=[leg_sid(1), DialStatus.ANSWERED])
        await callback.result()

        [dial] = stage.world.telephony.dialled
        assert (dial.to_number, dial.from_number, dial.promised_in) == (CALLER, LINE, due.request.call_sid)

    async def test_can_be_moved(self, stage: Stage) -> None:
        due = await promise(stage, timedelta(days=1))
        callback = await stage.callback(due)
        earlier = await promise(stage, timedelta(hours=1))

        await callback.signal("move", earlier.request)
        await callback.signal("dial_status", args=[leg_sid(1), DialStatus.ANSWERED])
        await callback.result()

        assert await stage.took(callback) < timedelta(hours=2)

    async def test_can_be_cancelled_and_then_nobody_is_rung(self, stage: Stage) -> None:
        callback = await stage.callback(await promise(stage))
        await callback.signal("cancel")

        result = await callback.result()

        assert result == CallbackResult(CallbackState.CANCELLED)
        assert stage.world.telephony.dialled == []


class TestACallerWhoDoesNotWantToBeRungAnyMore:
    async def test_is_told_so_only_when_it_is_certain(self, stage: Stage) -> None:
        callback = await stage.callback(await promise(stage))

        await callback.execute_update(CallbackWorkflow.withdraw)

        assert await callback.result() == CallbackResult(CallbackState.CANCELLED)
        assert stage.world.telephony.dialled == []

    async def test_is_refused_while_their_phone_rings(self, stage: Stage) -> None:
        due = await promise(stage, timedelta(minutes=1))
        callback = await stage.callback(due)
        await stage.skip_to(datetime.fromisoformat(due.request.at) + timedelta(seconds=1))
        await stage.world.telephony.until(lambda: len(stage.world.telephony.dialled) == 1)

        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await callback.execute_update(CallbackWorkflow.withdraw)

        assert "it is being dialled already" in str(refused.value.cause)
        await callback.signal("dial_status", args=[leg_sid(1), DialStatus.ANSWERED])
        assert (await callback.result()).state is CallbackState.ANSWERED

    async def test_between_two_attempts_is_not_rung_a_second_time(self, stage: Stage) -> None:
        due = await promise(stage, timedelta(minutes=1))
        callback = await stage.callback(due)
        await callback.signal("dial_status", args=[leg_sid(1), DialStatus.BUSY])
        await stage.skip_to(datetime.fromisoformat(due.request.at) + timedelta(minutes=1))
        await stage.world.telephony.until(lambda: len(stage.world.telephony.dialled) == 1)

        await callback.execute_update(CallbackWorkflow.withdraw)

        assert (await callback.result()).state is CallbackState.CANCELLED
        assert len(stage.world.telephony.dialled) == 1


class TestALineThatIsGoneAtPickUp:
    async def test_has_kept_no_promise_and_the_caller_is_rung_again(self, stage: Stage) -> None:
        due = await promise(stage, timedelta(minutes=1))
        stage.world.telephony.becomes[leg_sid(1)] = DialStatus.CUT_OFF
        callback = await stage.callback(due)
        for number in (1, 2):
            await callback.signal("dial_status", args=[leg_sid(number), DialStatus.HUMAN])

        result = await callback.result()

        assert result == CallbackResult(CallbackState.ANSWERED, leg_sid(2), attempts=2)


class TestACallerWhoIsNotReached:
    async def test_is_rung_three_times_with_growing_pauses(self, stage: Stage) -> None:
        due = await promise(stage, timedelta(minutes=1))
        callback = await stage.callback(due)
        for number, status in enumerate((DialStatus.BUSY, DialStatus.NO_ANSWER, DialStatus.FAILED), 1):
            await callback.signal("dial_status", args=[leg_sid(number), status])

        result = await callback.result()

        passed = await stage.took(callback) - timedelta(minutes=1)
        assert result == CallbackResult(CallbackState.UNREACHED, attempts=3)
        assert len(stage.world.telephony.dialled) == 3
        assert timedelta(minutes=35) <= passed < timedelta(minutes=36)

    async def test_is_rung_again_after_the_pauses_of_today(self, skipping_server: WorkflowEnvironment) -> None:
        pauses = (timedelta(minutes=2), timedelta(minutes=3))
        world = World(rules=CallbackRules(Hours(NEW_YORK), frozenset({"US", "CA"}), pauses))
        async with on_stage(skipping_server, world) as stage:
            callback = await stage.callback(await promise(stage, timedelta(minutes=1)))
            for number in (1, 2, 3):
                await callback.signal("dial_status", args=[leg_sid(number), DialStatus.BUSY])
            result = await callback.result()

        passed = await stage.took(callback) - timedelta(minutes=1)
        assert result == CallbackResult(CallbackState.UNREACHED, attempts=3)
        assert timedelta(minutes=5) <= passed < timedelta(minutes=6)

    async def test_counts_as_unanswered_when_the_carrier_never_says(self, stage: Stage) -> None:
        callback = await stage.callback(await promise(stage))
        await callback.signal("dial_status", args=[leg_sid(2), DialStatus.ANSWERED])

        result = await callback.result()

        assert result == CallbackResult(CallbackState.ANSWERED, leg_sid(2), attempts=2)


class TestTheCarrier:
    async def test_that_loses_its_answer_does_not_ring_the_caller_twice(self, stage: Stage) -> None:
        stage.world.telephony.errors["dial_callback"] = [PortError("the connection broke")]
        callback = await stage.callback(await promise(stage))
        await callback.signal("dial_status", args=[leg_sid(1), DialStatus.ANSWERED])

        result = await callback.result()

        assert result.state is CallbackState.ANSWERED
        assert len(stage.world.telephony.dialled) == 1

    async def test_that_refuses_the_number_ends_the_callback(self, stage: Stage) -> None:
        stage.world.telephony.errors["dial_callback"] = [Rejected("not a number")]
        callback = await stage.callback(await promise(stage))

        result = await callback.result()

        assert result == CallbackResult(CallbackState.UNREACHED, attempts=1)

    async def test_that_ends_the_call_before_its_lost_answer_is_asked_for_does_not_ring_twice(
        self, stage: Stage
    ) -> None:
        """The worker died between the request and its answer; the caller picked up and rang off meanwhile."""
        telephony = stage.world.telephony
        telephony.errors["dial_callback"] = [PortError("the connection broke")]
        telephony.ends_at_once = True
        callback = await stage.callback(await promise(stage))
        await callback.signal("dial_status", args=[leg_sid(1), DialStatus.ANSWERED])

        result = await callback.result()

        assert (result.state, result.attempts) == (CallbackState.ANSWERED, 1)
        assert len(telephony.dialled) == 1

    async def test_that_stays_away_is_asked_again_at_the_next_attempt(self, stage: Stage) -> None:
        stage.world.telephony.errors["dial_callback"] = [PortError("away")] * 30
        stage.world.telephony.places_calls = False
        callback = await stage.callback(await promise(stage))

        result = await callback.result()

        assert result == CallbackResult(CallbackState.UNREACHED, attempts=3)


class TestAnAnsweringMachine:
    async def test_is_hung_up_on_and_the_caller_rung_again_later(self, stage: Stage) -> None:
        callback = await stage.callback(await promise(stage))
        for number, verdict in ((1, DialStatus.MACHINE), (2, DialStatus.HUMAN)):
            await callback.signal("dial_status", args=[leg_sid(number), DialStatus.ANSWERED])
            await callback.signal("dial_status", args=[leg_sid(number), verdict])

        result = await callback.result()

        assert result == CallbackResult(CallbackState.ANSWERED, leg_sid(2), attempts=2)
        assert stage.world.telephony.hung_up == [leg_sid(1)]

    async def test_may_be_noticed_before_the_pick_up_is_told(self, stage: Stage) -> None:
        callback = await stage.callback(await promise(stage))
        for status in (DialStatus.MACHINE, DialStatus.ANSWERED):
            await callback.signal("dial_status", args=[leg_sid(1), status])
        await callback.signal("dial_status", args=[leg_sid(2), DialStatus.HUMAN])

        assert (await callback.result()).attempts == 2

    async def test_three_times_is_the_end(self, stage: Stage) -> None:
        callback = await stage.callback(await promise(stage))
        for number in (1, 2, 3):
            await callback.signal("dial_status", args=[leg_sid(number), DialStatus.MACHINE])

        result = await callback.result()

        assert result == CallbackResult(CallbackState.UNREACHED, attempts=3)
        assert len(stage.world.telephony.hung_up) == 3

    async def test_whose_verdict_got_lost_is_asked_for_at_the_carrier(self, stage: Stage) -> None:
        """No bridge could tell the workflow: a machine must not pass for the person who was promised a call."""
        stage.world.telephony.status_of_calls = DialStatus.MACHINE
        callback = await stage.callback(await promise(stage))
        await callback.signal("dial_status", args=[leg_sid(1), DialStatus.ANSWERED])
        await callback.signal("dial_status", args=[leg_sid(2), DialStatus.HUMAN])

        result = await callback.result()

        assert result == CallbackResult(CallbackState.ANSWERED, leg_sid(2), attempts=2)
        assert stage.world.telephony.hung_up == [leg_sid(1)]


class TestAPickUpThatIsNeverTold:
    async def test_is_known_to_the_carrier_and_nobody_is_rung_again(self, stage: Stage) -> None:
        stage.world.telephony.status_of_calls = DialStatus.HUMAN

        result = await (await stage.callback(await promise(stage))).result()

        assert result == CallbackResult(CallbackState.ANSWERED, leg_sid(1), attempts=1)
        assert len(stage.world.telephony.dialled) == 1


class TestAPickUpThatIsToldLate:
    async def test_is_not_followed_by_another_ring(self, stage: Stage) -> None:
        """No status came in time; it comes in the pause before the next attempt."""
        telephony = stage.world.telephony
        due = await promise(stage)
        callback = await stage.callback(due)
        await stage.skip_to(datetime.fromisoformat(due.request.at) + timedelta(minutes=4))
        await telephony.until(lambda: len(telephony.dialled) == 1)

        await callback.signal("dial_status", args=[leg_sid(1), DialStatus.ANSWERED])
        result = await callback.result()

        assert result == CallbackResult(CallbackState.ANSWERED, leg_sid(1), attempts=1)
        assert len(telephony.dialled) == 1


class TestWhatIsMovedBetweenTwoAttempts:
    async def test_has_all_of_its_attempts_again(self, stage: Stage) -> None:
        telephony = stage.world.telephony
        due = await promise(stage)
        callback = await stage.callback(due)
        await callback.signal("dial_status", args=[leg_sid(1), DialStatus.BUSY])
        await stage.skip_to(datetime.fromisoformat(due.request.at) + timedelta(minutes=1))
        await telephony.until(lambda: len(telephony.dialled) == 1)

        later = datetime.fromisoformat(due.request.at) + timedelta(days=2)
        await callback.execute_update("reschedule", replace(due.request, at=later.isoformat()))
        open_ = await callback.query("promise")
        for number in (2, 3, 4):
            await callback.signal("dial_status", args=[leg_sid(number), DialStatus.NO_ANSWER])
        result = await callback.result()

        assert datetime.fromisoformat(open_["at"]) == later
        assert result.attempts == 3
        assert len(telephony.dialled) == 4

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ({"phone": "+442079460958"}, "that country"),
            ({"at": "2090-01-01T09:00:00+00:00"}, "days away"),
            ({"at": "2001-01-01T09:00:00+00:00"}, "already passed"),
            ({"at": "tomorrow"}, "not an ISO 8601"),
            ({"call_sid": "CA" + "f" * 32}, "another call"),
        ],
    )
    async def test_is_refused_what_could_not_be_promised(self, stage: Stage, change: dict[str, str], why: str) -> None:
        due = await promise(stage)
        callback = await stage.callback(due)

        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await callback.execute_update("reschedule", replace(due.request, **change))

        assert why in str(refused.value.cause)


class TestTheHoursInWhichWeRing:
    @pytest.fixture
    async def office(self, skipping_server: WorkflowEnvironment) -> AsyncIterator[Stage]:
        """We ring from eight to eight, New York time."""
        world = World(rules=CallbackRules(Hours(NEW_YORK, parse_open("mon-sun 08:00-20:00")), frozenset({"US"})))
        async with on_stage(skipping_server, world) as stage:
            yield stage

    async def test_are_asked_again_when_the_time_has_come(self, office: Stage) -> None:
        """The hours changed after the promise: three in the morning is not one of them any more."""
        tomorrow = (await office.server.get_current_time()).astimezone(NEW_YORK) + timedelta(days=1)
        at = tomorrow.replace(hour=3, minute=0, second=0, microsecond=0)
        callback = await office.callback(CallbackInput(call_me(started(), at), LINE))
        await callback.signal("dial_status", args=[leg_sid(1), DialStatus.HUMAN])

        result = await callback.result()

        [call] = office.world.telephony.calls.values()
        assert result.attempts == 1
        assert at.replace(hour=8) <= call.begun.astimezone(NEW_YORK) < at.replace(hour=8, minute=1)

    async def test_hold_between_attempts(self, office: Stage) -> None:
        tomorrow = (await office.server.get_current_time()).astimezone(NEW_YORK) + timedelta(days=1)
        at = tomorrow.replace(hour=19, minute=58, second=0, microsecond=0)
        callback = await office.callback(CallbackInput(call_me(started(), at), LINE))
        await callback.signal("dial_status", args=[leg_sid(1), DialStatus.BUSY])
        await callback.signal("dial_status", args=[leg_sid(2), DialStatus.HUMAN])

        await callback.result()

        first, second = (call.begun.astimezone(NEW_YORK) for call in office.world.telephony.calls.values())
        assert (first.hour, second.hour) == (19, 8)
        assert second.date() == first.date() + timedelta(days=1)

    async def test_a_country_we_no_longer_call_ends_the_callback(self, office: Stage) -> None:
        at = await office.server.get_current_time() + timedelta(days=1)
        request = replace(call_me(started(), at), phone="+14165550123")

        result = await (await office.callback(CallbackInput(request, LINE))).result()

        assert result == CallbackResult(CallbackState.REFUSED)
        assert office.world.telephony.dialled == []


class TestANightInWhichTheClocksChange:
    @pytest.mark.parametrize(("day", "hours_between"), [("2027-03-14", 23), ("2027-11-07", 25)])
    async def test_passes_and_the_caller_is_rung_at_nine_by_their_clock(
        self, stage: Stage, day: str, hours_between: int
    ) -> None:
        at = datetime.fromisoformat(f"{day}T09:00").replace(tzinfo=NEW_YORK)
        await stage.skip_to(at - timedelta(days=2))
        callback = await stage.callback(CallbackInput(call_me(started(), at), LINE))
        await callback.signal("dial_status", args=[leg_sid(1), DialStatus.HUMAN])

        await callback.result()

        [call] = stage.world.telephony.calls.values()
        begun = call.begun.astimezone(NEW_YORK)
        day_before = (at - timedelta(days=1)).astimezone(UTC)
        assert (begun.date(), begun.hour, begun.minute) == (at.date(), 9, 0)
        assert at.astimezone(UTC) - day_before == timedelta(hours=hours_between)
