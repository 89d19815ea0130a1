"""How a port's errors look to Temporal."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from temporalio.exceptions import ActivityError, ApplicationError

from firstline.ports import PortError, Rejected

REJECTED = "Rejected"
"""Type of the application error that no retry will help."""
LONGEST_PAUSE = timedelta(minutes=1)
"""Somebody may be waiting: a vendor that names a longer pause is asked earlier."""


@contextmanager
def rejection_is_final() -> Iterator[None]:
    """Turn `ports.Rejected` into an error that Temporal does not retry; every other error it does.

    A vendor that asks for a pause gets it, within `LONGEST_PAUSE`.
    """
    try:
        yield
    except Rejected as error:
        raise ApplicationError(str(error), type=REJECTED, non_retryable=True) from error
    except PortError as error:
        if error.retry_after is None:
            raise
        pause = min(timedelta(seconds=error.retry_after), LONGEST_PAUSE)
        raise ApplicationError(str(error), type="PortError", next_retry_delay=pause) from error


def was_rejected(error: ActivityError) -> bool:
    """Whether an activity failed because the other side refused the request itself."""
    return isinstance(error.cause, ApplicationError) and error.cause.type == REJECTED
