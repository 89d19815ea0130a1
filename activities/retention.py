"""Keeping calls as long as is promised, and no longer."""

from collections.abc import AsyncIterator, Collection, Iterable
from datetime import datetime, timedelta

from temporalio import activity
from temporalio.common import RetryPolicy

from activities.failures import rejection_is_final
from activities.policy import LongPolicy
from firstline.domain.retention import (
    AUDIO,
    CLAIMS,
    COLD,
    HOT,
    KEPT,
    TRACES,
    Retained,
    call_of,
    claimed_by,
    cold_key,
    folder_older_than,
    older_than,
)
from firstline.ports import ObjectStore
from firstline.ports_after_call import Retention, TraceView

# Tomorrow's run does what today's could not.
RETAIN = LongPolicy(
    start_to_close_timeout=timedelta(hours=4),
    heartbeat_timeout=timedelta(minutes=2),
    schedule_to_close_timeout=timedelta(hours=20),
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=10), maximum_interval=timedelta(minutes=15)),
)


class RetentionActivities:
    """The daily retention over the object store, the read model and the view beside the archive, where there is one."""

    def __init__(self, object_store: ObjectStore, retention: Retention, view: TraceView | None = None) -> None:
        self._object_store = object_store
        self._retention = retention
        self._view = view

    @activity.defn
    async def cool_traces(self, at: str) -> int:
        """Move the traces and recordings that are no longer hot at a moment (ISO 8601, UTC); returns how many traces.

        Idempotent: what was moved is not there to be moved again, and a move that broke off is done again.
        """
        now, cooled = datetime.fromisoformat(at), 0
        with rejection_is_final():
            async for folder in self._days(AUDIO, HOT, now):
                for key in await self._object_store.keys(folder):
                    activity.heartbeat(key)
                    await self._object_store.move(key, cold_key(key))
            async for folder in self._days(TRACES, HOT, now):
                for key in await self._object_store.keys(folder):
                    cooled += await self._cool_trace(key)
        return cooled

    async def _cool_trace(self, key: str) -> bool:
        call = call_of(key)
        activity.heartbeat(key)
        url = await self._object_store.move(key, cold_key(key)) if call else None
        if call is None or url is None:
            return False
        await self._retention.trace_moved(call.call_sid, url)
        return True

    @activity.defn
    async def forget_old_calls(self, at: str) -> Retained:
        """Delete what is older than a year at a moment, but what a legal hold keeps.

        Idempotent: what is gone is not there to be deleted again. The view is told first, and a view that is away is
        waited for: the traces themselves are the list of what it must forget.
        """
        now, gone, kept = datetime.fromisoformat(at), 0, 0
        with rejection_is_final():
            held = await self._retention.held()
            async for folder in self._days(COLD + TRACES, KEPT, now):
                traces = {key: call.call_sid for key in await self._object_store.keys(folder) if (call := call_of(key))}
                going = {key: sid for key, sid in traces.items() if sid not in held}
                if self._view is not None and going:
                    await self._view.forget(list(going.values()))
                kept += len(traces) - len(going)
                gone += await self._delete(going)
            recordings = await self._forget_recordings(now, held)
            claims = await self._forget_claims(now, held)
            forgotten = await self._retention.forget_before(now - KEPT)
        return Retained(0, gone, forgotten, kept, claims, recordings)

    async def _forget_recordings(self, now: datetime, held: Collection[str]) -> int:
        gone = 0
        async for folder in self._days(COLD + AUDIO, KEPT, now):
            calls = {key: call_of(key) for key in await self._object_store.keys(folder)}
            gone += await self._delete(key for key, call in calls.items() if call and call.call_sid not in held)
        return gone

    async def _forget_claims(self, now: datetime, held: Collection[str]) -> int:
        claims = {key: claimed_by(key) for key in await self._object_store.keys(CLAIMS)}
        old = (key for key, of in claims.items() if of and older_than(of, KEPT, now) and of.call_sid not in held)
        return await self._delete(old)

    async def _delete(self, keys: Iterable[str]) -> int:
        """How many were there."""
        count = 0
        for key in keys:
            activity.heartbeat(key)
            count += await self._object_store.delete(key)
        return count

    async def _days(self, prefix: str, age: timedelta, now: datetime) -> AsyncIterator[str]:
        """The folders of the days that lie further back: a year of keys is never listed at once."""
        for folder in await self._object_store.folders(prefix):
            if folder_older_than(folder, age, now):
                yield folder
