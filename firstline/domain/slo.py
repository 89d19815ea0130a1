"""How fast the latency promise is being used up: burn rates over two windows at once.

The promise is a p95: 5 % of the turns may be slower. A burn rate of 1 uses the budget up exactly in its period. A page
needs a long window, which says that it matters, and a short one, which says that it is still so (Google, The Site
Reliability Workbook, chapter 5).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

BUDGET = 0.05
"""The share of turns that may be slower than the promise."""
MINIMUM_TURNS = 20
"""In the long window: below this a share says nothing, and nobody is woken for it."""


@dataclass(frozen=True)
class TurnCount:
    """Turns with an answer in some time, and how many of them were too slow."""

    turns: int
    slow: int

    @property
    def burn(self) -> float:
        """How many times faster than allowed the budget is used; 0 without turns."""
        return self.slow / self.turns / BUDGET if self.turns else 0.0


@dataclass(frozen=True)
class BurnRule:
    """Both windows at or above the rate: somebody is paged."""

    long: timedelta
    short: timedelta
    rate: float


# With a budget of 5 % no rate exceeds 20: a rule's rate is the share of slow turns times 20.
RULES = (
    BurnRule(timedelta(hours=1), timedelta(minutes=5), 8.0),
    BurnRule(timedelta(hours=6), timedelta(minutes=30), 4.0),
)
"""40 % of an hour's turns, or 20 % of six hours', and it goes on."""


def windows() -> list[timedelta]:
    """Every window that the rules look at, shortest first."""
    return sorted({window for rule in RULES for window in (rule.long, rule.short)})


def burning(counts: Mapping[timedelta, TurnCount]) -> BurnRule | None:
    """The first rule that holds; None when the promise is kept, or when too little was said to tell."""
    for rule in RULES:
        long, short = counts[rule.long], counts[rule.short]
        if long.turns >= MINIMUM_TURNS and long.burn >= rule.rate and short.burn >= rule.rate:
            return rule
    return None
