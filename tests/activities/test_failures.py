"""How long Temporal waits before it asks a vendor again."""

from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError

from activities.failures import LONGEST_PAUSE, rejection_is_final
from firstline.adapters.retry_after import retry_after_s
from firstline.ports import PortError, Rejected


def seen_by_temporal(error: Exception) -> ApplicationError:
    with pytest.raises(ApplicationError) as caught, rejection_is_final():
        raise error
    return caught.value


class TestAPause:
    def test_that_was_asked_for_is_kept(self) -> None:
        seen = seen_by_temporal(PortError("PagerDuty answered 429", retry_after=7))

        assert (seen.next_retry_delay, seen.non_retryable) == (timedelta(seconds=7), False)

    def test_that_is_very_long_is_cut(self) -> None:
        assert seen_by_temporal(PortError("busy", retry_after=86_400)).next_retry_delay == LONGEST_PAUSE

    def test_that_nobody_asked_for_is_the_policy_s(self) -> None:
        with pytest.raises(PortError), rejection_is_final():
            raise PortError("PagerDuty answered 500")

    def test_is_not_for_what_was_refused(self) -> None:
        assert seen_by_temporal(Rejected("no such number")).non_retryable


class TestTheHeader:
    @pytest.mark.parametrize(
        ("value", "seconds"),
        [("3", 3.0), (" 10 ", 10.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("soon", None), ("-1", None), ("", None)],
    )
    def test_is_seconds_or_a_date(self, value: str, seconds: float | None) -> None:
        assert retry_after_s({"Retry-After": value}) == seconds

    def test_may_be_missing(self) -> None:
        assert retry_after_s({}) is None
