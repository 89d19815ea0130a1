"""An ingest as its workflow sees it: a snapshot of a corpus in parts, and how far it is."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class IngestProgress:
    """Counts of articles, but for `chunks`."""

    total: int = 0
    seen: int = 0
    stored: int = 0
    """New or changed, and committed to the version being built."""
    unchanged: int = 0
    chunks: int = 0
    """Of the stored articles."""

    def plus(self, part: "IngestProgress") -> "IngestProgress":
        """After another part."""
        return IngestProgress(
            self.total,
            self.seen + part.seen,
            self.stored + part.stored,
            self.unchanged + part.unchanged,
            self.chunks + part.chunks,
        )


@dataclass(frozen=True)
class IngestRequest:
    """A corpus to ingest: its snapshot lies in the object store, so that no worker needs the folder it came from."""

    collection: str
    parts: list[str]
    """Keys of the parts; a key is a digest of what it holds."""
    articles: int
    complete: bool = True
    """Every source could be read: only then may an article that is missing count as deleted."""
    prune: bool = False
    """Remove the articles that the corpus no longer has."""
    next_part: int = 0
    """0-based; above 0 when a long ingest goes on in a fresh history."""
    so_far: IngestProgress = field(default_factory=IngestProgress)


@dataclass(frozen=True)
class PartRequest:
    """One part to be stored."""

    collection: str
    part: str


@dataclass(frozen=True)
class Completed:
    """The switch-over."""

    version: int
    """That is searched now."""
    vanished: list[str] = field(default_factory=list)
    """Ids that the collection had and the corpus has not; at most a hundred are named."""
    gone: int = 0
    """How many there are."""
    pruned: bool = False


@dataclass(frozen=True)
class IngestResult:
    """What an ingest did."""

    progress: IngestProgress
    completed: Completed
