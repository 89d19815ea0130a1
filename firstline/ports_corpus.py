"""What an ingest needs from the world, as a protocol; the rules of `firstline.ports` hold here too."""

from collections.abc import Callable
from typing import Protocol

from firstline.domain.ingest import Completed, IngestProgress, IngestRequest, PartRequest


class CorpusBuilder(Protocol):
    """Builds the next version of a corpus beside the one that is searched."""

    async def store_part(self, part: PartRequest, tell: Callable[[IngestProgress], None]) -> IngestProgress:
        """Embed and store what is new or changed in a part; `tell` is called after every batch that is committed.

        Harmless when repeated: what is stored is skipped. Raises `Rejected` when the collection belongs to another
        embedding model or the part is gone.
        """
        ...

    async def complete(self, request: IngestRequest) -> Completed:
        """Index what was built and search it from now on, all at once; harmless when repeated."""
        ...
