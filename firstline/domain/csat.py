"""The monthly satisfaction sample: 40 deflected calls, drawn so that anybody can draw them again."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from firstline.domain.iso_week import midnight

SAMPLE = 40
SCORES = range(1, 6)
"""1 is very dissatisfied, 5 very satisfied."""


@dataclass(frozen=True)
class CsatScore:
    """A score that came back."""

    call_sid: str
    score: int


@dataclass(frozen=True)
class CsatResult:
    """What a month's sample came to."""

    month: str
    drawn: int
    scored: int
    mean: float | None
    """None when no score came back."""


def draw(month: str, candidates: Iterable[str]) -> list[str]:
    """At most 40 CallSids, each with the same chance; the same month and candidates give the same sample."""
    pool = sorted(set(candidates))
    return random.Random(f"csat {month}").sample(pool, min(SAMPLE, len(pool)))


def last_month(at: datetime, zone: tzinfo) -> str:
    """The last whole month before a moment (timezone-aware), `2026-10`."""
    first = at.astimezone(zone).date().replace(day=1)
    return f"{first - timedelta(days=1):%Y-%m}"


def month_bounds(month: str, zone: tzinfo) -> tuple[datetime, datetime]:
    """When it begins, and when the next one does. Raises `ValueError` for what is no month."""
    first = datetime.strptime(month, "%Y-%m").date()  # noqa: DTZ007 - a date has no time zone
    return midnight(first, zone), midnight((first + timedelta(days=32)).replace(day=1), zone)


def score_problem(score: CsatScore, sample: Iterable[str]) -> str | None:
    """Why a score cannot be taken, in a line; None when it can."""
    if score.score not in SCORES:
        return f"a score is a whole number from {SCORES[0]} to {SCORES[-1]}, not {score.score}"
    if score.call_sid not in sample:
        return f"call {score.call_sid} is not in this month's sample"
    return None


def result(month: str, sample: Iterable[str], scores: Mapping[str, int]) -> CsatResult:
    """The month so far."""
    mean = sum(scores.values()) / len(scores) if scores else None
    return CsatResult(month, len(list(sample)), len(scores), mean)
