"""A callback is rung when it was promised, and again within limits."""

import time
from datetime import timedelta

from firstline.domain.callback import CallbackInput, CallbackResult, CallbackState, DialStatus
from tests.workflows.calls import CALLER, LINE, call_me, started
from tests.workflows.conftest import Stage
from tests.workflows.fakes import leg_sid


async def promise(stage: Stage, wait: timedelta = timedelta(days=30)) -> CallbackInput:
    """A callback that is due when this time has passed."""
    return CallbackInput(call_me(started(), await stage.server.get_current_time() + wait), LINE)


class TestThePromisedMoment:
    async def test_is_waited_for_thirty_days_which_pass_quickly(self, stage: Stage) -> None:
        due = await promise(stage)
        began, rang = time.monotonic(), await stage.server.get_current_time()
        callback = await stage.callback(due)
        await callback.signal("dial_status", args=[leg_sid(1), DialStatus.ANSWERED])

        result = await callback.result()

        assert result == CallbackResult(CallbackState.ANSWERED, leg_sid(1), attempts=1)
        assert await stage.server.get_current_time() - rang >= timedelta(days=30)
        assert time.monotonic() - began < 30

    async def test_is_when_the_caller_is_rung_at_the_number_they_gave(self, stage: Stage) -> None:
        due = await promise(stage)

        callback = await stage.callback(due)
        await callback.signal("dial_status", args=[leg_sid(1), DialStatus.ANSWERED])
        await callback.result()

        [dial] = stage.world.telephony.dialled
        assert (dial.to_number, dial.from_number, dial.promised_in) == (CALLER, LINE, due.request.call_sid)
