"""An ingest: every part of a corpus is stored in a version of its own, which is then searched at once."""

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.ingest import MIRROR, STORE, SWITCH, CorpusActivities
    from firstline import names
    from firstline.domain.ingest import IngestProgress, IngestRequest, IngestResult, PartRequest


@workflow.defn(name=names.INGEST_WORKFLOW)
class CorpusIngestWorkflow:
    """Survives every process; callers are answered from the version before until the last step."""

    @workflow.init
    def __init__(self, request: IngestRequest) -> None:
        self._request = request
        self._progress = IngestProgress(
            request.articles,
            request.so_far.seen,
            request.so_far.stored,
            request.so_far.unchanged,
            request.so_far.chunks,
        )

    @workflow.run
    async def run(self, request: IngestRequest) -> IngestResult:
        """The parts in order, then the switch-over."""
        for place in range(request.next_part, len(request.parts)):
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(self._from(place))
            self._tell("embedding")
            done = await workflow.execute_activity_method(
                CorpusActivities.store_part,
                PartRequest(request.collection, request.parts[place]),
                summary=f"Part {place + 1} of {len(request.parts)}",
                **STORE,
            )
            self._progress = self._progress.plus(done)
        self._tell("switching over")
        completed = await workflow.execute_activity_method(
            CorpusActivities.complete_version, request, summary="Index and switch over", **SWITCH
        )
        self._tell(f"version {completed.version} is searched")
        await self._mirror()
        return IngestResult(self._progress, completed)

    @workflow.query(name=names.INGEST_PROGRESS_QUERY)
    def progress(self) -> IngestProgress:
        """How far it is."""
        return self._progress

    @workflow.query
    def parts(self) -> list[str]:
        """What is ingested: the keys of its parts."""
        return self._request.parts

    async def _mirror(self) -> None:
        try:
            await workflow.execute_activity_method(
                CorpusActivities.mirror_version, self._request.collection, summary="Bring the mirror up to it", **MIRROR
            )
        except ActivityError:
            workflow.logger.warning("the mirror stays behind")

    def _from(self, place: int) -> IngestRequest:
        request = self._request
        return IngestRequest(
            request.collection,
            request.parts,
            request.articles,
            request.complete,
            request.prune,
            place,
            self._progress,
        )

    def _tell(self, doing: str) -> None:
        done = self._progress
        workflow.set_current_details(
            f"**{doing}** — {done.seen:,} of {done.total:,} articles: {done.stored:,} stored as {done.chunks:,} chunks,"
            f" {done.unchanged:,} unchanged"
        )
