"""Reciprocal-rank fusion: two rankings into one, without comparing their scores."""

K = 60
"""The constant of Cormack, Clarke and Büttcher (SIGIR 2009): how little the very first ranks stand out."""


def reciprocal_rank(*ranks: int | None) -> float:
    """The fused score of something with these 1-based ranks; a ranking that does not have it adds nothing."""
    return sum(1.0 / (K + rank) for rank in ranks if rank is not None)
