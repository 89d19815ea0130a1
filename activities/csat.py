"""The satisfaction sample: which month, which calls, which scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from temporalio import activity
from temporalio.common import RetryPolicy

from activities.failures import rejection_is_final
from activities.policy import Policy
from firstline.domain.csat import draw, last_month, month_bounds
from firstline.ports import Rejected
from firstline.ports_after_call import Survey

SURVEY = Policy(
    start_to_close_timeout=timedelta(seconds=30),
    schedule_to_close_timeout=timedelta(days=6),
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5)),
)


@dataclass(frozen=True)
class MonthScore:
    """A score of a call in a month's sample."""

    month: str
    call_sid: str
    score: int


class CsatActivities:
    """The monthly draw. `zone` is where a month begins."""

    def __init__(self, survey: Survey, zone: tzinfo) -> None:
        self._survey = survey
        self._zone = zone

    @activity.defn
    async def csat_month(self, at: str) -> str:
        """The last whole month before a moment (ISO 8601). Reads only."""
        return last_month(datetime.fromisoformat(at), self._zone)

    @activity.defn
    async def draw_sample(self, month: str) -> Sequence[str]:
        """Draw and keep the month's sample; returns its CallSids.

        Idempotent: a month is drawn once, and what was kept is what counts, also when calls were added since.
        """
        with rejection_is_final():
            try:
                begin, end = month_bounds(month, self._zone)
            except ValueError as error:
                raise Rejected(f"{month!r} is not a month such as 2026-10") from error
            if not await self._survey.sample(month):
                await self._survey.keep_sample(month, draw(month, await self._survey.deflected(begin, end)))
            return list(await self._survey.sample(month))

    @activity.defn
    async def keep_score(self, score: MonthScore) -> None:
        """Keep a score. Idempotent: the same call has one score, the last."""
        with rejection_is_final():
            await self._survey.keep_score(score.month, score.call_sid, score.score)
