"""A callback is rung when it was promised, and again within limits."""

import time
from datetime import timedelta

from firstline.domain.callback import CallbackInput, CallbackResult, CallbackState, DialStatus
from firstline.ports import PortError, Rejected
from tests.workflows.calls import CALLER, LINE, call_me, started
from tests.workflows.fakes import leg_sid
from tests.workflows.stage import Stage


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
