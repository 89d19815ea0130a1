"""Who is rung for a handoff."""

from datetime import timedelta

from temporalio import activity
from temporalio.common import RetryPolicy

from activities.failures import rejection_is_final
from activities.policy import Policy
from firstline.ports import OnCall

# A caller waits: past this the numbers of the settings are rung.
ON_CALL = Policy(
    start_to_close_timeout=timedelta(seconds=6),
    schedule_to_close_timeout=timedelta(seconds=10),
    retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=2)),
)


class OnCallActivities:
    """`on_call` is None where no schedule is set up: then it is always the people of the settings, `reps` (E.164)."""

    def __init__(self, on_call: OnCall | None, reps: list[str]) -> None:
        self._on_call = on_call
        self._reps = reps

    @activity.defn
    async def numbers_on_call(self) -> list[str]:
        """Numbers to ring, in order of escalation; empty when nobody on call has a phone.

        Reads only. Tried for 10 s; a refused key is not tried again.
        """
        if self._on_call is None:
            return list(self._reps)
        with rejection_is_final():
            return list(await self._on_call.numbers())
