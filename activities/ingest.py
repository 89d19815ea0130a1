"""Building the next version of a corpus, a part at a time."""

from datetime import timedelta

from temporalio import activity
from temporalio.common import RetryPolicy

from activities.failures import rejection_is_final
from activities.policy import LongPolicy, Policy
from firstline.domain.ingest import Completed, IngestProgress, IngestRequest, PartRequest
from firstline.ports_corpus import CorpusBuilder

_PATIENT = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))

# A full disk or a database that is away is waited for: nobody is on the line, and what is committed stays. A batch is
# embedded in seconds, but loading the model comes before the first, and the machine may be busy.
STORE = LongPolicy(
    start_to_close_timeout=timedelta(hours=1),
    schedule_to_close_timeout=timedelta(days=7),
    heartbeat_timeout=timedelta(seconds=90),
    retry_policy=_PATIENT,
)
SWITCH = Policy(
    start_to_close_timeout=timedelta(hours=1), schedule_to_close_timeout=timedelta(days=7), retry_policy=_PATIENT
)

# Nobody waits for the mirror, and one that stays away must not keep an ingest open.
MIRROR = Policy(
    start_to_close_timeout=timedelta(hours=1),
    schedule_to_close_timeout=timedelta(hours=2),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1), maximum_attempts=10
    ),
)


class CorpusActivities:
    """The side effects of an ingest."""

    def __init__(self, builder: CorpusBuilder) -> None:
        self._builder = builder

    @activity.defn
    async def store_part(self, part: PartRequest) -> IngestProgress:
        """Embed and store what is new in a part, with a heartbeat after every batch.

        Idempotent: an article whose content hash is stored is skipped, so an attempt goes on where the last one ended.
        """
        with rejection_is_final():
            return await self._builder.store_part(part, activity.heartbeat)

    @activity.defn
    async def complete_version(self, request: IngestRequest) -> Completed:
        """Switch over to what was built. Idempotent: when nothing is being built any more, nothing changes."""
        with rejection_is_final():
            return await self._builder.complete(request)

    @activity.defn
    async def mirror_version(self, collection: str) -> int:
        """Bring the mirror to the version that is searched. Idempotent: vectors are put by their chunk's id."""
        with rejection_is_final():
            return await self._builder.mirror(collection)
