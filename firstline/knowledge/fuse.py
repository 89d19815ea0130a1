"""Reciprocal-rank fusion: two rankings into one, without comparing their scores."""

from collections.abc import Iterable
from dataclasses import replace

from firstline.domain.passages import Passage

K = 60
"""The constant of Cormack, Clarke and Büttcher (SIGIR 2009): how little the very first ranks stand out."""


def reciprocal_rank(*ranks: int | None) -> float:
    """The fused score of something with these 1-based ranks; a ranking that does not have it adds nothing."""
    return sum(1.0 / (K + rank) for rank in ranks if rank is not None)


def fuse(found: Iterable[Passage]) -> list[Passage]:
    """All that was found, best first; the chunk id breaks ties so that equal questions get equal answers."""
    scored = [replace(passage, fused=reciprocal_rank(passage.dense_rank, passage.text_rank)) for passage in found]
    return sorted(scored, key=lambda passage: (-passage.fused, passage.chunk_id))
