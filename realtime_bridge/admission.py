"""Who may stream to this bridge, and how many at once."""

import time
from collections.abc import Callable

import structlog

from realtime_bridge.live_calls import LiveCalls
from realtime_bridge.metrics import REFUSED_STREAMS
from realtime_bridge.protocol.stream_token import StreamTokens, TokenRefused

log = structlog.get_logger()

EXPECTED_SECONDS = 10.0
"""A call whose webhook was answered here counts as a call for so long; its stream may go to another bridge."""
WAITING_SOCKETS = 100
"""Sockets that have not sent `start` yet. Twilio sends it with the upgrade, so more than a few are not Twilio's."""


class StreamRefused(Exception):
    """A stream is not taken; the message goes into the close frame."""


class Admission:
    """Announces streams, and takes those that were announced while there is room."""

    def __init__(self, secret: str, max_calls: int, live: LiveCalls, clock: Callable[[], float] = time.time) -> None:
        self._tokens = StreamTokens(secret)
        self._max_calls = max_calls
        self._live = live
        self._clock = clock
        self._expected: dict[str, float] = {}
        """CallSid -> until when its stream is expected here."""
        self.waiting = 0

    @property
    def full(self) -> bool:
        """Whether a call that rings now must go to the failsafe: its audio would cost the others theirs."""
        now = self._clock()
        self._expected = {call_sid: until for call_sid, until in self._expected.items() if until >= now}
        return len(self._live) + len(self._expected) >= self._max_calls

    @property
    def crowded(self) -> bool:
        """Whether another socket must be refused before it is accepted."""
        return len(self._live) >= self._max_calls or self.waiting >= WAITING_SOCKETS

    def announce(self, call_sid: str) -> str:
        """The token for a stream that our TwiML asks for."""
        now = self._clock()
        self._expected[call_sid] = now + EXPECTED_SECONDS
        return self._tokens.mint(call_sid, now)

    def admit(self, call_sid: str, token: str) -> None:
        """Take a stream. Raises `StreamRefused`, counted and logged."""
        try:
            self._tokens.take(token, call_sid, self._clock())
        except TokenRefused as refusal:
            raise self._refused(call_sid, f"token_{refusal.why}", str(refusal)) from refusal
        self._expected.pop(call_sid, None)
        if len(self._live) >= self._max_calls:
            raise self._refused(call_sid, "full", "the bridge carries as many calls as it may")

    @staticmethod
    def _refused(call_sid: str, why: str, message: str) -> StreamRefused:
        REFUSED_STREAMS.labels(why).inc()
        log.warning("stream_refused", call_sid=call_sid, why=why)
        return StreamRefused(message)
