"""Dialling a promised callback."""

from datetime import timedelta

from temporalio import activity
from temporalio.common import RetryPolicy

from activities.failures import rejection_is_final
from activities.policy import Policy
from firstline.ports import CallbackDial, Telephony

DIAL = Policy(
    start_to_close_timeout=timedelta(seconds=10),
    schedule_to_close_timeout=timedelta(minutes=15),
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1)),
)


class CallbackActivities:
    """What a callback does to the world."""

    def __init__(self, telephony: Telephony) -> None:
        self._telephony = telephony

    @activity.defn
    async def dial_callback(self, dial: CallbackDial) -> str:
        """Ring the caller back and return the new CallSid. Retried for 15 minutes: an outage only delays it.

        The carrier has no idempotency key: an attempt after the first looks for a live call between the two numbers
        and takes it over instead of ringing the person twice. A refused number is not retried.
        """
        with rejection_is_final():
            if activity.info().attempt > 1:
                live = await self._telephony.find_live(dial.to_number, dial.from_number)
                if live is not None:
                    return live
            return await self._telephony.dial_callback(dial)
