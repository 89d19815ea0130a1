"""How a port's errors look to Temporal."""

from collections.abc import Iterator
from contextlib import contextmanager

from temporalio.exceptions import ActivityError, ApplicationError

from firstline.ports import Rejected

REJECTED = "Rejected"
"""Type of the application error that no retry will help."""


@contextmanager
def rejection_is_final() -> Iterator[None]:
    """Turn `ports.Rejected` into an error that Temporal does not retry; every other error it does."""
    try:
        yield
    except Rejected as error:
        raise ApplicationError(str(error), type=REJECTED, non_retryable=True) from error


def was_rejected(error: ActivityError) -> bool:
    """Whether an activity failed because the other side refused the request itself."""
    return isinstance(error.cause, ApplicationError) and error.cause.type == REJECTED
