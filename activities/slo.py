"""How fast the latency promise is being used up, and the page that says so."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio import activity
from temporalio.common import RetryPolicy

from activities.failures import rejection_is_final
from activities.policy import Policy
from firstline.domain.flags import FIRST_AUDIO_SLO_MS
from firstline.domain.slo import BUDGET, burning, windows
from firstline.ports import Page, Paging
from firstline.ports_after_call import CallStatistics

SLO_DEDUP_KEY = "slo-first-audio"

# The next look comes in minutes: what cannot be had by then is asked for anew.
LOOK = Policy(
    start_to_close_timeout=timedelta(seconds=30),
    schedule_to_close_timeout=timedelta(minutes=3),
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=2), maximum_interval=timedelta(seconds=30)),
)


@dataclass(frozen=True)
class Burn:
    """What was seen."""

    burning: bool
    line: str
    """Turns and burn rate of every window, for people."""


class SloActivities:
    """The watch over p95 of `first_audio_ms`. `link` is where people look further."""

    def __init__(self, statistics: CallStatistics, paging: Paging, link: str) -> None:
        self._statistics = statistics
        self._paging = paging
        self._link = link

    @activity.defn
    async def measure_burn(self, at: str) -> Burn:
        """Count the windows that end at a moment (ISO 8601). Reads only."""
        until = datetime.fromisoformat(at)
        with rejection_is_final():
            counts = {
                window: await self._statistics.first_audio(until - window, until, FIRST_AUDIO_SLO_MS)
                for window in windows()
            }
        seen = ", ".join(
            f"{window // timedelta(minutes=1)} min: {count.slow} of {count.turns} turns slow, burn {count.burn:.1f}"
            for window, count in counts.items()
        )
        return Burn(burning(counts) is not None, seen)

    @activity.defn
    async def page_burn(self, burn: Burn) -> None:
        """Page whoever is on call. Idempotent by dedup key: there is one incident until it is resolved."""
        page = Page(
            dedup_key=SLO_DEDUP_KEY,
            summary=f"Callers wait too long: more than {BUDGET:.0%} of the turns by far begin after"
            f" {FIRST_AUDIO_SLO_MS:.0f} ms ({burn.line})"[:1024],
            source="firstline",
            severity="warning",
            link=self._link,
            details={"windows": burn.line},
        )
        with rejection_is_final():
            await self._paging.trigger(page)

    @activity.defn
    async def resolve_burn(self) -> None:
        """Close the incident. Idempotent: resolving a closed or unknown incident is harmless."""
        with rejection_is_final():
            await self._paging.resolve(SLO_DEDUP_KEY)
