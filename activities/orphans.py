"""Looking for calls that exist in one place only."""

from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.common import RetryPolicy

from activities.failures import rejection_is_final
from activities.policy import Policy
from firstline.domain.orphans import Orphans, find_orphans
from firstline.ports import OnCall, Page, Paging
from firstline.ports_after_call import LiveCalls, OpenCalls

ORPHANS_DEDUP_KEY = "orphaned-calls"

LOOK = Policy(
    start_to_close_timeout=timedelta(seconds=30),
    schedule_to_close_timeout=timedelta(minutes=3),
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=2), maximum_interval=timedelta(seconds=30)),
)


SHIFT = timedelta(hours=4)
"""Whoever was on call this long ago may still talk to the caller they took."""


class OrphanActivities:
    """The reconciler. `line` is our number, `reps` those of the people who take calls, all E.164.

    `on_call` knows those who take calls by a schedule; None where none is set up.
    """

    def __init__(
        self,
        live: LiveCalls,
        open_calls: OpenCalls,
        paging: Paging,
        line: str,
        reps: list[str],
        link: str,
        on_call: OnCall | None = None,
    ) -> None:
        self._live = live
        self._open_calls = open_calls
        self._paging = paging
        self._line = line
        self._reps = reps
        self._link = link
        self._on_call = on_call

    @activity.defn
    async def find_orphans(self) -> Orphans:
        """Compare the carrier's live calls with the open workflows. Reads only."""
        with rejection_is_final():
            live = await self._live.live_calls(self._line)
            # Without them a rep's leg would look like a caller whom nobody keeps a promise to: no answer, no look.
            scheduled = await self._on_call.numbers(datetime.now(UTC) - SHIFT) if self._on_call and live else []
            return find_orphans(live, await self._open_calls.open_calls(), [*self._reps, *scheduled])

    @activity.defn
    async def page_orphans(self, orphans: Orphans) -> None:
        """Say that callers talk whose promises nobody keeps. Idempotent by dedup key: one incident until resolved."""
        count = len(orphans.calls)
        page = Page(
            dedup_key=ORPHANS_DEDUP_KEY,
            summary=f"{count} live call{'s' * (count != 1)} without a workflow: nothing promised there is kept",
            source="firstline",
            severity="warning",
            link=self._link,
            details={"calls": " ".join(orphans.calls[:20])},
        )
        with rejection_is_final():
            await self._paging.trigger(page)

    @activity.defn
    async def resolve_orphans(self) -> None:
        """Close the incident. Idempotent: resolving a closed or unknown incident is harmless."""
        with rejection_is_final():
            await self._paging.resolve(ORPHANS_DEDUP_KEY)
