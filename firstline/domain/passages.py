"""What a search of the help centre returns."""

from dataclasses import dataclass, field

from firstline.domain.confidence import RetrievalEvidence


@dataclass(frozen=True)
class Passage:
    """One chunk of an article, with its rank in each search."""

    chunk_id: str
    """`kb_<12 hex>`, stable when the same article is ingested again."""
    article_id: str
    title: str
    heading: str
    """The headings above the chunk, joined by ` > `; empty at the top of an article."""
    url: str
    text: str
    language: str
    dense_rank: int | None = None
    """1-based; None when the dense search did not return it."""
    similarity: float | None = None
    """Cosine similarity to the question, -1..1; None when not computed."""
    text_rank: int | None = None
    """1-based; None when the full-text search did not return it."""
    text_score: float | None = None
    """The share of the question's words that it holds, rare ones weighing more, 0..1; None when not computed."""
    fused: float = 0.0
    """Reciprocal-rank fusion, k = 60: which passages are looked at more closely."""
    relevance: float = 0.0
    """What passages are finally ordered by, from both similarities and `text_score`; comparable within one search."""
    title_similarity: float | None = None
    """Cosine similarity of the question and the article's title alone, -1..1; None when not computed."""


@dataclass(frozen=True)
class SearchResult:
    """The passages for a question, best first, and what they are worth."""

    query: str
    passages: list[Passage]
    evidence: RetrievalEvidence | None
    """None when nothing was found."""
    confidence: float
    """0..1, from `domain.confidence`."""
    timings: dict[str, float] = field(default_factory=dict)
    """Stage -> ms: embed, search, fuse, rerank, total."""
