"""Finished calls to review, measure and draw from."""

from datetime import datetime, timedelta

from firstline.domain.call import CallStarted, Outcome
from firstline.domain.flags import Flag
from firstline.domain.turn import Turn, TurnTiming
from firstline.ports import CallRecord
from tests.workflows.calls import CALLER, LINE


def finished(
    call_sid: str,
    at: datetime,
    *flags: Flag,
    waits: tuple[float, ...] = (),
    outcome: Outcome = Outcome.RESOLVED,
    caller: str = CALLER,
) -> CallRecord:
    """A call that rang at `at` and ended two minutes later; `waits` are its turns' `first_audio_ms`."""
    start = CallStarted(call_sid, caller, LINE, at.isoformat())
    turns = [
        Turn(number, "How?", "Like this.", confidence=0.9, timing=TurnTiming(first_audio_ms=waited))
        for number, waited in enumerate(waits, 1)
    ]
    ended = (at + timedelta(minutes=2)).isoformat()
    return CallRecord(start, ended, outcome, "en", turns, [], flags=list(flags))
