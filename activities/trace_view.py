"""Showing archived calls where people look at them; the archive stays the truth."""

import json
from datetime import timedelta

from temporalio import activity
from temporalio.common import RetryPolicy
from temporalio.converter import value_to_type

from activities.failures import rejection_is_final
from activities.policy import Policy
from firstline.domain.retention import KeptCall, cold_key, trace_key
from firstline.ports import CallRecord, ObjectStore, Rejected
from firstline.ports_after_call import TraceView

# Nobody waits for it; a view that stays away for a week goes without the call.
SHOW = Policy(
    start_to_close_timeout=timedelta(minutes=2),
    schedule_to_close_timeout=timedelta(days=7),
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=2), maximum_interval=timedelta(minutes=15)),
)


class TraceViewActivities:
    """What people see of finished calls. `view` is None where none is set up."""

    def __init__(self, object_store: ObjectStore, view: TraceView | None) -> None:
        self._object_store = object_store
        self._view = view

    @activity.defn
    async def show_call(self, call: KeptCall) -> str:
        """Show an archived call and its recordings; returns a link, empty where no view is set up.

        Idempotent: the view makes its ids from the CallSid, so a repeat replaces what an earlier attempt left. Retried
        for a week; what the view refuses, and a call without an archived trace, are not.
        """
        if self._view is None:
            return ""
        with rejection_is_final():
            record = await self._archived(call)
            return await self._view.show(record, await self._audio(record))

    async def _archived(self, call: KeptCall) -> CallRecord:
        """Read back rather than sent along: a long call is kept once in the history."""
        key = trace_key(call.day, call.call_sid)
        stored = await self._object_store.get(key) or await self._object_store.get(cold_key(key))
        if stored is None:
            raise Rejected(f"{key} is not in the archive")
        record: CallRecord = value_to_type(CallRecord, json.loads(stored))
        return record

    async def _audio(self, record: CallRecord) -> dict[str, bytes]:
        """The recordings that did arrive, by key."""
        keys = [key for turn in record.turns for key in (turn.audio.caller, turn.audio.agent) if key]
        found = {key: await self._object_store.get(key) for key in keys}
        return {key: blob for key, blob in found.items() if blob is not None}
