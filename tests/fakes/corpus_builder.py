"""A corpus builder that only counts."""

from collections.abc import Callable

from firstline.domain.ingest import Completed, IngestProgress, IngestRequest, PartRequest


class FakeCorpusBuilder:
    """Every part holds two articles of three chunks together; `errors` are raised first, one a call of `store_part`."""

    def __init__(self) -> None:
        self.stored: list[str] = []
        self.completed: list[IngestRequest] = []
        self.errors: list[Exception] = []
        self.mirrored: list[str] = []
        self.mirror_errors: list[Exception] = []

    async def store_part(self, part: PartRequest, tell: Callable[[IngestProgress], None]) -> IngestProgress:
        if self.errors:
            raise self.errors.pop(0)
        self.stored.append(part.part)
        done = IngestProgress(seen=2, stored=2, chunks=3)
        tell(done)
        return done

    async def complete(self, request: IngestRequest) -> Completed:
        self.completed.append(request)
        return Completed(version=len(self.completed))

    async def mirror(self, collection: str) -> int:
        if self.mirror_errors:
            raise self.mirror_errors.pop(0)
        self.mirrored.append(collection)
        return 0
