"""How long an activity may take, and how it is retried: stated beside each activity, used by the workflows."""

from datetime import timedelta
from typing import NotRequired, TypedDict

from temporalio.common import RetryPolicy


class Policy(TypedDict):
    """Options of `workflow.execute_activity_method`; what is left out is Temporal's default."""

    start_to_close_timeout: timedelta
    """For one attempt."""
    schedule_to_close_timeout: NotRequired[timedelta]
    """For all attempts and the pauses between them."""
    retry_policy: NotRequired[RetryPolicy]


class LongPolicy(Policy):
    """For an activity that works for long and says so as it goes."""

    heartbeat_timeout: timedelta
    """An attempt that says nothing for this long is taken for dead."""
