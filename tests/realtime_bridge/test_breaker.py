"""When a lane to the model is used, left alone and tried again; all in passed-in time."""

import pytest

from realtime_bridge.protocol import faults
from realtime_bridge.protocol.breaker import (
    FAILURES,
    LONGEST_OPEN,
    OPEN_FOR,
    PROBE_WITHIN,
    UNRETRYABLE_OPEN,
    WINDOW,
    Breaker,
    State,
)
from realtime_bridge.protocol.faults import LOST, Fault, Kind


def broken(at: float = 0.0) -> Breaker:
    """One that failures opened."""
    breaker = Breaker()
    for _ in range(FAILURES):
        breaker.failed(LOST, at)
    return breaker


class TestFailures:
    def test_that_come_together_open_it(self) -> None:
        breaker = broken()

        assert (breaker.state(1), breaker.allows(1), breaker.why) == (State.OPEN, False, "lost")

    def test_that_are_far_apart_do_not(self) -> None:
        breaker = Breaker()
        for number in range(20):
            breaker.failed(LOST, number * WINDOW)

        assert breaker.allows(20 * WINDOW)

    def test_of_sessions_whose_time_was_up_are_none(self) -> None:
        breaker = Breaker()
        for _ in range(10):
            breaker.failed(Fault(Kind.SESSION_OVER, "session_expired"), 0)

        assert breaker.state(0) is State.CLOSED

    def test_that_an_operator_must_mend_open_it_at_once_and_for_long(self) -> None:
        breaker = Breaker()
        breaker.failed(Fault(Kind.UNRETRYABLE, "insufficient_quota"), 0)

        assert breaker.state(UNRETRYABLE_OPEN - 1) is State.OPEN
        assert breaker.state(UNRETRYABLE_OPEN) is State.HALF_OPEN

    def test_of_rate_open_it_for_as_long_as_the_server_asks(self) -> None:
        breaker = Breaker()
        breaker.failed(Fault(Kind.RATE_LIMITED, "rate_limit_exceeded", 17.0), 0)

        assert (breaker.state(16.9), breaker.state(17)) == (State.OPEN, State.HALF_OPEN)

    def test_of_the_network_do_not_shorten_what_an_operator_must_mend(self) -> None:
        breaker = Breaker()
        breaker.failed(Fault(Kind.UNRETRYABLE, "invalid_api_key"), 0)
        breaker.failed(Fault(Kind.RATE_LIMITED, "rate_limit_exceeded", 1.0), 1)

        assert breaker.state(UNRETRYABLE_OPEN - 1) is State.OPEN


class TestTheProbe:
    def test_is_one_connection_at_a_time(self) -> None:
        breaker = broken()
        first = breaker.allows(OPEN_FOR)
        breaker.begun(OPEN_FOR)

        assert (first, breaker.allows(OPEN_FOR + 1)) == (True, False)

    def test_that_succeeds_closes_it(self) -> None:
        breaker = broken()
        breaker.begun(OPEN_FOR)
        breaker.succeeded(OPEN_FOR + 1)

        assert (breaker.state(OPEN_FOR + 1), breaker.why) == (State.CLOSED, "")

    def test_that_fails_opens_it_for_longer_each_time_up_to_a_minute(self) -> None:
        breaker, now, spans = broken(), 0.0, []
        for _ in range(6):
            opened, now = now, breaker.opens_at(now)
            spans.append(now - opened)
            breaker.begun(now)
            breaker.failed(LOST, now)

        assert spans == [5, 10, 20, 40, LONGEST_OPEN, LONGEST_OPEN]

    def test_that_nobody_speaks_of_again_makes_room_for_another(self) -> None:
        breaker = broken()
        breaker.begun(OPEN_FOR)

        assert breaker.allows(OPEN_FOR + PROBE_WITHIN)

    def test_is_not_a_session_begun_before_it_opened(self) -> None:
        """A connection that was under way when the lane broke says nothing of the lane now."""
        breaker = broken()
        breaker.succeeded(1)

        assert breaker.state(1) is State.OPEN


class TestWhatIsWrong:
    @pytest.mark.parametrize(
        ("status", "headers", "body", "kind", "code"),
        [
            (401, {}, {"error": {"code": "invalid_api_key"}}, Kind.UNRETRYABLE, "invalid_api_key"),
            (401, {}, {}, Kind.UNRETRYABLE, "invalid_api_key"),
            (429, {}, {"error": {"type": "insufficient_quota"}}, Kind.UNRETRYABLE, "insufficient_quota"),
            (429, {"retry-after": "7"}, {}, Kind.RATE_LIMITED, "rate_limit_exceeded"),
            (500, {}, {}, Kind.NETWORK, "http_500"),
            (503, {}, {"error": {"code": "anything at all"}}, Kind.NETWORK, "http_503"),
        ],
    )
    def test_by_the_answer_to_an_upgrade(
        self, status: int, headers: dict[str, str], body: dict[str, object], kind: Kind, code: str
    ) -> None:
        fault = faults.of_status(status, headers, body)

        assert (fault.kind, fault.code) == (kind, code)

    @pytest.mark.parametrize(
        ("code", "reason", "kind"),
        [
            (1001, "Your session hit the maximum duration of 60 minutes.", Kind.SESSION_OVER),
            (1001, "", Kind.NETWORK),
            (1008, "invalid_request_error.invalid_api_key", Kind.UNRETRYABLE),
            (4000, "rate_limit_exceeded", Kind.RATE_LIMITED),
            (1011, "keepalive ping timeout", Kind.NETWORK),
            (0, "", Kind.NETWORK),
        ],
    )
    def test_by_the_close(self, code: int, reason: str, kind: Kind) -> None:
        assert faults.of_close(code, reason).kind is kind

    def test_an_error_about_a_single_event_is_no_fault_of_the_lane(self) -> None:
        assert faults.of_error_event({"error": {"type": "invalid_request_error", "code": "item_not_found"}}) is None

    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({"retry-after": "2"}, 2.0),
            ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
            ({"retry-after": "86400"}, 120.0),
            ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
            ({}, None),
        ],
    )
    def test_how_long_the_server_asks_to_wait(self, headers: dict[str, str], seconds: float | None) -> None:
        assert faults.retry_after(headers) == seconds
