"""A circuit breaker for one lane to the model, shared by all calls of a bridge. No clock: time is passed in.

Closed, it lets everything through. Enough failures in a window open it; then, after a while, one connection is let
through as a probe, and what becomes of it decides. A key that is refused or a quota that is used up opens it at once
and for long, a rate limit for as long as the server asks.
"""

from collections import deque
from enum import Enum

from realtime_bridge.protocol.faults import Fault, Kind

FAILURES = 3
WINDOW = 30.0
"""Seconds in which so many failures open it: one connection that breaks is the network's, three are the server's."""
OPEN_FOR = 5.0
LONGEST_OPEN = 60.0
"""Seconds between probes: twice as long after each that failed, up to this."""
UNRETRYABLE_OPEN = 600.0
"""Seconds: an operator must act, and each probe is a caller's first second."""
RATE_LIMITED_OPEN = 5.0
"""Seconds, where the server does not say how long."""
PROBE_WITHIN = 10.0
"""Seconds after which a probe that nobody spoke of again makes room for another."""


class State(Enum):
    """Of a breaker; the value is the metric's."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


class Breaker:
    """Times are seconds of any steady clock."""

    def __init__(self) -> None:
        self._failures: deque[float] = deque(maxlen=FAILURES)
        self._open_until: float | None = None
        self._open_for = OPEN_FOR
        self._probing_until: float | None = None
        self.why = ""
        """The code of the fault that opened it; empty while closed."""

    def state(self, now: float) -> State:
        """Of this moment."""
        if self._open_until is None:
            return State.CLOSED
        return State.OPEN if now < self._open_until else State.HALF_OPEN

    def opens_at(self, now: float) -> float:
        """When a connection may be tried again; `now` when it may be tried at once."""
        return max(now, self._open_until or now)

    def allows(self, now: float) -> bool:
        """Whether a connection may be tried now; half-open, one at a time."""
        match self.state(now):
            case State.CLOSED:
                return True
            case State.OPEN:
                return False
        return self._probing_until is None or now >= self._probing_until

    def begun(self, now: float) -> None:
        """A connection is tried; half-open, it is the probe."""
        if self.state(now) is State.HALF_OPEN:
            self._probing_until = now + PROBE_WITHIN

    def succeeded(self, now: float) -> None:
        """A session is ready. One that was begun before the breaker opened does not close it."""
        if self.state(now) is State.HALF_OPEN:
            self._open_until, self._open_for, self.why = None, OPEN_FOR, ""
            self._probing_until = None
            self._failures.clear()

    def failed(self, fault: Fault, now: float) -> None:
        """A connection could not be made, or was lost."""
        match fault.kind:
            case Kind.SESSION_OVER:
                return
            case Kind.UNRETRYABLE:
                self._open(now, UNRETRYABLE_OPEN, fault)
            case Kind.RATE_LIMITED:
                self._open(now, RATE_LIMITED_OPEN if fault.retry_after is None else fault.retry_after, fault)
            case Kind.NETWORK:
                self._network(fault, now)

    def _network(self, fault: Fault, now: float) -> None:
        if self.state(now) is State.HALF_OPEN:
            self._open_for = min(self._open_for * 2, LONGEST_OPEN)
            self._open(now, self._open_for, fault)
            return
        self._failures.append(now)
        if len(self._failures) == FAILURES and now - self._failures[0] <= WINDOW:
            self._open(now, self._open_for, fault)

    def _open(self, now: float, seconds: float, fault: Fault) -> None:
        """Never shorter than it is open already."""
        self._open_until = max(now + seconds, self._open_until or now)
        self._probing_until = None
        self.why = fault.code
