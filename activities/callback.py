"""Keeping a promised callback: when it may ring, and the dialling."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.common import RetryPolicy

from activities.failures import rejection_is_final
from activities.policy import Policy
from firstline.domain.callback import PAUSES, CallbackRequest, DialStatus
from firstline.domain.hours import Hours, clock
from firstline.domain.phone import phone_problem, zones_of
from firstline.ports import CallbackDial, Telephony

DIAL = Policy(
    start_to_close_timeout=timedelta(seconds=10),
    schedule_to_close_timeout=timedelta(minutes=15),
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1)),
)
ASK = Policy(
    start_to_close_timeout=timedelta(seconds=10),
    schedule_to_close_timeout=timedelta(minutes=15),
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1)),
)
# Reads what the worker has in memory: no round trip, and no reason to fail twice.
RULES = Policy(start_to_close_timeout=timedelta(seconds=2), retry_policy=RetryPolicy(maximum_attempts=3))
LOOK_BACK = timedelta(seconds=30)
"""Our clock and the carrier's may differ by this much. Shorter than the shortest pause between two attempts."""


@dataclass(frozen=True)
class CallbackRules:
    """Whom we ring, and when."""

    hours: Hours
    countries: frozenset[str]
    """ISO 3166 codes such as `US`."""
    pauses: tuple[timedelta, ...] = PAUSES
    """After each attempt that reached nobody, before the next; each longer than `LOOK_BACK`."""


@dataclass(frozen=True)
class Due:
    """A callback that wants to ring at `at` (ISO 8601)."""

    phone: str
    at: str


@dataclass(frozen=True)
class Ruling:
    """What the rules of today say."""

    allowed_at: str
    """The first moment from the wanted one on, ISO 8601 with offset; empty when there is none."""
    refusal: str
    """Why not at the wanted moment, in words for the model to say; empty when that moment is allowed."""
    pauses_s: list[float] = field(default_factory=list)
    """Seconds until the next attempt after each that reached nobody; empty means `PAUSES`."""


class CallbackActivities:
    """What a callback does to the world."""

    def __init__(self, telephony: Telephony, rules: CallbackRules) -> None:
        self._telephony = telephony
        self._rules = rules
        self._pauses_s = [pause.total_seconds() for pause in rules.pauses]

    @activity.defn
    async def check_callback(self, request: CallbackRequest) -> str:
        """Why this callback cannot be promised, with the nearest time that can; empty when it can. Reads only."""
        ruling = self._rule(Due(request.phone, request.at))
        if not (ruling.refusal and ruling.allowed_at):
            return ruling.refusal
        nearest = datetime.fromisoformat(ruling.allowed_at)
        return f"{ruling.refusal}; the next time we can call is {nearest:%A, %B} {nearest.day} at {clock(nearest)}"

    @activity.defn
    async def callback_ruling(self, due: Due) -> Ruling:
        """Whether a callback that is due may ring now, by the rules of now. Reads only."""
        return self._rule(due)

    @activity.defn
    async def dial_callback(self, dial: CallbackDial) -> str:
        """Ring the caller back and return the new CallSid. Retried for 15 minutes: an outage only delays it.

        The carrier has no idempotency key: an attempt after the first looks for a call between the two numbers that is
        live, or was placed since this step began even if it is over by now, and takes it over instead of ringing the
        person twice. A refused number is not retried.
        """
        with rejection_is_final():
            info = activity.info()
            if info.attempt > 1:
                since = info.scheduled_time.astimezone(UTC) - LOOK_BACK
                placed = await self._telephony.find_since(dial.to_number, dial.from_number, since)
                if placed is not None:
                    return placed
            return await self._telephony.dial_callback(dial)

    @activity.defn
    async def dialled_status(self, call_sid: str) -> DialStatus | None:
        """Ask the carrier what became of a call whose status did not reach us; None while it rings. Reads only."""
        with rejection_is_final():
            return await self._telephony.dial_status(call_sid)

    def _rule(self, due: Due) -> Ruling:
        if problem := phone_problem(due.phone, self._rules.countries):
            return Ruling("", problem, self._pauses_s)
        hours, zones, at = self._rules.hours, zones_of(due.phone), datetime.fromisoformat(due.at)
        refusal = hours.refusal(at, zones)
        allowed = hours.next_allowed(at, zones) if refusal else at
        return Ruling(allowed.isoformat() if allowed else "", refusal or "", self._pauses_s)
