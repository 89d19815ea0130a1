"""A help centre of a few passages, found by the words they share with the question."""

import asyncio
import re
from dataclasses import replace

from firstline.domain.confidence import RetrievalEvidence, confidence
from firstline.domain.passages import Passage, SearchResult


def passage(article_id: str, text: str, *, title: str = "", language: str = "en", number: int = 1) -> Passage:
    """A passage of an article, with an id made from `number`."""
    return Passage(
        f"kb_{number:012x}", article_id, title or article_id, "", f"https://help.example/{article_id}", text, language
    )


class FakeKnowledge:
    """Ranks its passages by the share of the question's words that they hold."""

    def __init__(self, passages: list[Passage] | None = None, *, evidence: RetrievalEvidence | None = None) -> None:
        """`evidence`, where given, is returned whatever is found: for tests of what depends on confidence."""
        self.passages = passages or []
        self.evidence = evidence
        self.asked: list[str] = []
        self.begun: asyncio.Queue[str] = asyncio.Queue()
        self.gave_up: list[str] = []
        self.held: asyncio.Event | None = None
        """While it is there and not set, searches do not end."""

    async def search(self, query: str, *, k: int = 5, language: str | None = None) -> SearchResult:
        self.asked.append(query)
        self.begun.put_nowait(query)
        try:
            await (self.held.wait() if self.held else asyncio.sleep(0))
        except asyncio.CancelledError:
            self.gave_up.append(query)
            raise
        words = _words(query)
        pool = [p for p in self.passages if p.language == language] or self.passages
        scored = sorted(((_share(words, p), p) for p in pool), key=lambda pair: (-pair[0], pair[1].chunk_id))
        found = [
            replace(p, dense_rank=i, similarity=score, text_rank=i, text_score=score, fused=2 / (60 + i))
            for i, (score, p) in enumerate(scored, start=1)
            if score > 0
        ]
        evidence = self.evidence or _evidence(found)
        return SearchResult(
            query, found[:k], evidence if found else None, confidence(evidence) if found else 0.0, {"total": 1.0}
        )


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w{3,}", text.lower()))


def _share(words: set[str], p: Passage) -> float:
    return len(words & _words(f"{p.title} {p.text}")) / len(words) if words else 0.0


def _evidence(found: list[Passage]) -> RetrievalEvidence | None:
    if not found:
        return None
    best = found[0]
    rest = max((p.similarity or 0.0 for p in found if p.article_id != best.article_id), default=0.0)
    return RetrievalEvidence(best.similarity or 0.0, (best.similarity or 0.0) - rest, agreement=True)
