"""What stays of a call: the trace in the object store and its row in the read model."""

import json
from dataclasses import asdict, dataclass
from datetime import timedelta

from temporalio import activity
from temporalio.common import RetryPolicy

from activities.failures import rejection_is_final
from activities.policy import Policy
from firstline.domain import retention
from firstline.ports import CallRecord, ObjectStore, ReadModel

# Nobody waits for these and nothing may be lost: they are tried for a week of outage.
ARCHIVE = Policy(
    start_to_close_timeout=timedelta(seconds=30),
    schedule_to_close_timeout=timedelta(days=7),
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5)),
)
TRACE_VERSION = 1


@dataclass(frozen=True)
class Projection:
    """A call to project, with the address of its trace."""

    record: CallRecord
    trace_url: str


def trace_key(record: CallRecord) -> str:
    """Where a call's trace lies: `traces/<yyyy-mm-dd>/<CallSid>.json`, by the day (UTC) on which the call rang."""
    return retention.trace_key(record.start.started_at[:10], record.start.call_sid)


def trace_json(record: CallRecord) -> bytes:
    """The trace: the record and its transcript; the same bytes for the same call."""
    transcript = [asdict(line) for line in record.transcript]
    document = {"version": TRACE_VERSION, **asdict(record), "transcript": transcript}
    return json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True).encode()


class TraceActivities:
    """What remains of a call when it is over."""

    def __init__(self, object_store: ObjectStore, read_model: ReadModel) -> None:
        self._object_store = object_store
        self._read_model = read_model

    @activity.defn
    async def archive_trace(self, record: CallRecord) -> str:
        """Store the trace and return its link. Idempotent: the same key receives the same bytes."""
        with rejection_is_final():
            return await self._object_store.put(trace_key(record), trace_json(record))

    @activity.defn
    async def project_call(self, projection: Projection) -> None:
        """Write the call to the read model. Idempotent: an upsert by CallSid."""
        with rejection_is_final():
            await self._read_model.save_call(projection.record, projection.trace_url)
