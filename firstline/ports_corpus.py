"""What an ingest needs from the world, as a protocol; the rules of `firstline.ports` hold here too."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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

    async def mirror(self, collection: str) -> int:
        """Bring the mirror, where there is one, to the version that is searched; how many vectors that changed."""
        ...


@dataclass(frozen=True)
class MirroredChunk:
    """A chunk as a mirror keeps it: enough to compare, and no text."""

    id: str
    vector: list[float]
    article_id: str
    language: str


@dataclass(frozen=True)
class Nearest:
    """What a mirror answers."""

    ids: list[str]
    """Chunk ids, nearest first."""
    read_units: float
    """What the query cost, in the vendor's units."""


class VectorMirror(Protocol):
    """A second home for the vectors, to compare with (Pinecone). A namespace is a collection's name."""

    async def put(self, namespace: str, chunks: Sequence[MirroredChunk]) -> None:
        """Store, replacing what has the same id."""
        ...

    async def remove(self, namespace: str, ids: Sequence[str]) -> None:
        """Remove; harmless for ids that are not there."""
        ...

    async def clear(self, namespace: str) -> None:
        """Remove everything; harmless when there is nothing."""
        ...

    async def nearest(self, namespace: str, vector: Sequence[float], k: int, languages: Sequence[str]) -> Nearest:
        """The `k` nearest chunks written in one of `languages`."""
        ...
