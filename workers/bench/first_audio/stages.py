"""The stages of a turn and how long they take: drawn from the case study's p50 and p95 of each, independently.

Source: the case study's table of per-stage latencies over a month of production. A stage is taken as lognormal through
its two percentiles. Percentiles of stages do not add up; the sums here are of draws, turn by turn.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np

STAGES_MS = {
    "ingress": (38, 62),
    "transcription": (82, 118),
    "retrieval": (64, 96),
    "rerank": (44, 72),
    "decision": (196, 264),
    "speech": (84, 124),
    "egress": (32, 48),
}
"""Stage -> p50, p95, ms. `ingress` and `egress` are the network, `speech` the first audio of the voice."""
LOOKED_UP = ("retrieval", "rerank")
"""The stages that can run while the caller still speaks."""
_Z95 = 1.6449
"""The 95th percentile of the standard normal distribution."""

Draw = dict[str, float]
"""Stage -> s."""


def draw(seed: int, call: int, turn: int) -> Draw:
    """What each stage of this turn takes, s; the same in every process and every run."""
    random = np.random.default_rng([seed, call, turn])
    return {
        stage: float(random.lognormal(math.log(p50), math.log(p95 / p50) / _Z95)) / 1000
        for stage, (p50, p95) in STAGES_MS.items()
    }


def total(drawn: Draw, *, without: Sequence[str] = ()) -> float:
    """The stages one after the other, ms."""
    return 1000 * sum(seconds for stage, seconds in drawn.items() if stage not in without)


def search_seconds(drawn: Draw) -> float:
    """What the help centre takes for an answer, s."""
    return sum(drawn[stage] for stage in LOOKED_UP)


def spread(values: Iterable[float]) -> dict[str, float]:
    """p50 and p95, one decimal."""
    array = np.array(list(values), dtype=float)
    return {"p50": round(float(np.percentile(array, 50)), 1), "p95": round(float(np.percentile(array, 95)), 1)}


_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def code(call: int, turn: int) -> str:
    """A word of five letters that names a turn: what a search is for is told by its question alone."""
    return "q" + "".join(_DIGITS[n // 36 % 36] + _DIGITS[n % 36] for n in (call, turn))


def decode(word: str) -> tuple[int, int]:
    """(call, turn) of a turn's word. Raises `ValueError` for another word."""
    if len(word) != len(code(0, 0)) or not word.startswith("q"):
        raise ValueError(f"{word!r} names no turn")
    call, turn = (36 * _DIGITS.index(word[at]) + _DIGITS.index(word[at + 1]) for at in (1, 3))
    return call, turn
