"""Keeping calls as long as is promised, and no longer."""

from collections.abc import Collection
from datetime import datetime, timedelta

from temporalio import activity
from temporalio.common import RetryPolicy

from activities.failures import rejection_is_final
from activities.policy import LongPolicy
from firstline.domain.retention import (
    CLAIMS,
    COLD,
    HOT,
    KEPT,
    TRACES,
    Retained,
    call_of,
    claimed_by,
    cold_key,
    older_than,
)
from firstline.ports import ObjectStore
from firstline.ports_after_call import Retention

# Tomorrow's run does what today's could not.
RETAIN = LongPolicy(
    start_to_close_timeout=timedelta(hours=4),
    heartbeat_timeout=timedelta(minutes=2),
    schedule_to_close_timeout=timedelta(hours=20),
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=10), maximum_interval=timedelta(minutes=15)),
)


class RetentionActivities:
    """The daily retention over the object store and the read model."""

    def __init__(self, object_store: ObjectStore, retention: Retention) -> None:
        self._object_store = object_store
        self._retention = retention

    @activity.defn
    async def cool_traces(self, at: str) -> int:
        """Move the traces that are no longer hot at a moment (ISO 8601, UTC); returns how many.

        Idempotent: what was moved is not there to be moved again, and a move that broke off is done again.
        """
        now, cooled = datetime.fromisoformat(at), 0
        with rejection_is_final():
            for key in await self._object_store.keys(TRACES):
                call = call_of(key)
                if call is None or not older_than(call, HOT, now):
                    continue
                activity.heartbeat(key)
                url = await self._object_store.move(key, cold_key(key))
                if url is not None:
                    await self._retention.trace_moved(call.call_sid, url)
                    cooled += 1
        return cooled

    @activity.defn
    async def forget_old_calls(self, at: str) -> Retained:
        """Delete what is older than a year at a moment, but what a legal hold keeps.

        Idempotent: what is gone is not there to be deleted again.
        """
        now, gone, kept = datetime.fromisoformat(at), 0, 0
        with rejection_is_final():
            held = await self._retention.held()
            for key in await self._object_store.keys(COLD + TRACES):
                call = call_of(key)
                if call is None or not older_than(call, KEPT, now):
                    continue
                activity.heartbeat(key)
                if call.call_sid in held:
                    kept += 1
                else:
                    gone += await self._object_store.delete(key)
            claims = await self._forget_claims(now, held)
            forgotten = await self._retention.forget_before(now - KEPT)
        return Retained(0, gone, forgotten, kept, claims)

    async def _forget_claims(self, now: datetime, held: Collection[str]) -> int:
        gone = 0
        for key in await self._object_store.keys(CLAIMS):
            claim = claimed_by(key)
            if claim is not None and older_than(claim, KEPT, now) and claim.call_sid not in held:
                activity.heartbeat(key)
                gone += await self._object_store.delete(key)
        return gone
