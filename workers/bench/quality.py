"""How good rankings are: recall, nDCG and mean reciprocal rank, each with a bootstrap interval."""

import math
from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np
from scipy.stats import bootstrap

SEED = 20_250
RESAMPLES = 2_000


@dataclass(frozen=True)
class Estimate:
    """A mean over questions, 0..1, and its 95 % percentile-bootstrap interval over the questions."""

    mean: float
    low: float
    high: float


def recall(ranking: Sequence[str], gold: Set[str], depth: int) -> float:
    """The share of the right articles that is among the first `depth`."""
    return len(gold & set(ranking[:depth])) / len(gold)


def ndcg(ranking: Sequence[str], gold: Set[str], depth: int) -> float:
    """Normalised discounted cumulative gain, every right article worth the same (Järvelin and Kekäläinen, 2002)."""
    gain = sum(1 / math.log2(place + 1) for place, article in enumerate(ranking[:depth], 1) if article in gold)
    ideal = sum(1 / math.log2(place + 1) for place in range(1, min(len(gold), depth) + 1))
    return gain / ideal


def reciprocal_rank(ranking: Sequence[str], gold: Set[str]) -> float:
    """One over the place of the first right article; 0 when there is none."""
    return next((1 / place for place, article in enumerate(ranking, 1) if article in gold), 0.0)


def quality(rankings: Sequence[Sequence[str]], golds: Sequence[Set[str]]) -> dict[str, Estimate]:
    """Every measure over rankings of article ids and the right ids, question by question."""
    pairs = list(zip(rankings, golds, strict=True))
    values = {f"recall@{depth}": [recall(r, g, depth) for r, g in pairs] for depth in (1, 5, 10)}
    values["ndcg@10"] = [ndcg(r, g, 10) for r, g in pairs]
    values["mrr"] = [reciprocal_rank(r, g) for r, g in pairs]
    return {name: estimate(numbers) for name, numbers in values.items()}


def estimate(values: Sequence[float]) -> Estimate:
    """The mean with its interval; the same numbers give the same interval in every run."""
    mean = float(np.mean(values))
    if len(set(values)) == 1:
        return Estimate(mean, mean, mean)
    interval = bootstrap(
        (np.asarray(values),), np.mean, n_resamples=RESAMPLES, method="percentile", rng=SEED, batch=100
    ).confidence_interval
    return Estimate(mean, float(interval.low), float(interval.high))
