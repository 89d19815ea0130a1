"""The closer look at what fusion brought up: ranks forget by how much one passage was better, scores do not.

Fusion at k = 60 lets a passage that both searches rank thirtieth pass one that a single search ranks first. The scores
of the same two searches, added, put the right article into the first five more often on every set of questions measured
(recall at 5, fused -> reranked, 300 questions each: 719 English FAQ entries 0.97 -> 0.99, 240 Spanish paragraphs
0.91 -> 0.99, 1,014 English help articles 0.85 -> 0.87, 571 Spanish ones 0.85 -> 0.92).
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace

from firstline.domain.confidence import MULTILINGUAL, RetrievalEvidence
from firstline.domain.passages import Passage

DEPTH = 40
"""How many fused passages are looked at; the others keep their fused order behind them."""
PER_ARTICLE = 2
AGREEMENT_DEPTH = 5
TITLES = 5
"""Passages whose titles are evidence: those that the model is given."""

_WORDS_FOREIGN = 2.0
"""What words are worth where the embedding model does not know the language: similarity says little there."""


@dataclass(frozen=True)
class Order:
    """What the evidence is worth beside a passage's cosine similarity, with one embedding model."""

    words: float = 0.5
    """A full match of words."""
    title: float = 0.5
    """The title's cosine similarity."""
    foreign: float = 0.0
    """What a passage in another language than the question gets on top: models put texts of one language together."""
    crosses: bool = False
    """Whether the model finds across languages, so that articles in all of them are looked at."""


_OF_MODEL = {MULTILINGUAL: Order(words=0.15, title=0.25, foreign=0.03, crosses=True)}


def order_for(embedding_model: str) -> Order:
    """Measured with the model; the default's for one that was not. See docs/decisions/0015."""
    return _OF_MODEL.get(embedding_model, Order())


@dataclass(frozen=True)
class Asking:
    """What a question is asked with: the model's order and languages, and the caller's language."""

    languages: Collection[str] | None
    """Those that the embedding model knows; None for all."""
    order: Order = Order()
    language: str | None = None

    def comparable(self, passage: Passage) -> bool:
        """Whether similarity means what it usually does: a known language and, across languages, the caller's own."""
        known = self.languages is None or passage.language in self.languages
        return known and not self.crossed(passage)

    def crossed(self, passage: Passage) -> bool:
        """Whether the passage is in another language than the question, and the model finds such."""
        return self.order.crosses and self.language not in (None, passage.language)

    def relevance(self, passage: Passage) -> float:
        """What the passage is ordered by."""
        words, order = passage.text_score or 0.0, self.order
        if self.languages is not None and passage.language not in self.languages:
            return _similarity(passage) + _WORDS_FOREIGN * words
        near = _similarity(passage) + order.title * _title_similarity(passage) + order.words * words
        return near + order.foreign * self.crossed(passage)


def rerank(fused: list[Passage], asking: Asking) -> list[Passage]:
    """The passages by relevance. A model that crosses languages has all of them looked at: fusion would put those
    whose words cannot match behind."""
    depth = len(fused) if asking.order.crosses else DEPTH
    head = [replace(passage, relevance=asking.relevance(passage)) for passage in fused[:depth]]
    head.sort(key=lambda passage: (-passage.relevance, -passage.fused, passage.chunk_id))
    return _spread(head) + fused[depth:]


def evidence_of(question: str, passages: list[Passage], asking: Asking) -> RetrievalEvidence | None:
    """What a search says about its own best passage, which is the first; None when it found nothing."""
    if not passages:
        return None
    best = passages[0]
    others = (_similarity(passage) for passage in passages if passage.article_id != best.article_id)
    margin = _similarity(best) - max(others, default=0.0)
    agreement = _among_first(passages, best, "dense_rank") and _among_first(passages, best, "text_rank")
    return RetrievalEvidence(
        _similarity(best),
        margin,
        agreement,
        best.text_score or 0.0,
        asking.comparable(best),
        words_anywhere=max(passage.text_score or 0.0 for passage in passages),
        length=len(question.split()),
        title=max(_title_similarity(passage) for passage in passages[:TITLES]),
        relevance=asking.relevance(best),
    )


def _spread(passages: list[Passage]) -> list[Passage]:
    """The same order, but an article's third passage and those after it wait behind the other articles' first two."""
    seen: Counter[str] = Counter()
    early: list[Passage] = []
    late: list[Passage] = []
    for passage in passages:
        seen[passage.article_id] += 1
        (early if seen[passage.article_id] <= PER_ARTICLE else late).append(passage)
    return early + late


def _similarity(passage: Passage) -> float:
    return passage.similarity if passage.similarity is not None else 0.0


def _title_similarity(passage: Passage) -> float:
    """The passage's own where the title's was not computed, as in a collection ingested before titles were embedded."""
    return passage.title_similarity if passage.title_similarity is not None else _similarity(passage)


def _among_first(passages: list[Passage], best: Passage, ranking: str) -> bool:
    """Whether the article of `best` is among the first five of a ranking."""
    ranks = [getattr(passage, ranking) for passage in passages if passage.article_id == best.article_id]
    return any(rank is not None and rank <= AGREEMENT_DEPTH for rank in ranks)
