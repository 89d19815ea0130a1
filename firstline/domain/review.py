"""The weekly review of flagged turns: what becomes a ticket, and a report without callers' words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from firstline.domain.iso_week import before, monday_of

TOLERATED = 3
"""A flag seen more often than this in a week becomes one ticket."""


@dataclass(frozen=True)
class FlaggedTurn:
    """One place to look at."""

    call_sid: str
    turn: int
    """0 for the call as a whole."""
    detail: str
    at: str
    """When the call rang, ISO 8601, UTC."""


@dataclass(frozen=True)
class FlagTally:
    """How often a flag was raised, and some of the places."""

    kind: str
    count: int
    examples: list[FlaggedTurn] = field(default_factory=list)


@dataclass(frozen=True)
class FlagInWeek:
    """A flag in the reviewed week and in the week before."""

    tally: FlagTally
    count_before: int

    @property
    def repeated(self) -> bool:
        """Whether it is worth a ticket."""
        return self.tally.count > TOLERATED

    @property
    def ticketed_before(self) -> bool:
        """Whether the week before was worth one."""
        return self.count_before > TOLERATED

    @property
    def fell(self) -> bool:
        """Whether it was raised less often than the week before."""
        return self.tally.count < self.count_before


@dataclass(frozen=True)
class WeekReview:
    """Every flag of a week, the most frequent first; those of the week before that stayed away come last."""

    week: str
    """ISO week, 2026-W47."""
    flags: list[FlagInWeek]


def compare(week: str, now: Sequence[FlagTally], then: Sequence[FlagTally]) -> WeekReview:
    """A week beside the one before it."""
    earlier = {tally.kind: tally.count for tally in then}
    seen = [FlagInWeek(tally, earlier.pop(tally.kind, 0)) for tally in now]
    gone = [FlagInWeek(FlagTally(kind, 0), count) for kind, count in earlier.items()]
    return WeekReview(week, seen + gone)


def ticket_label(kind: str, week: str) -> str:
    """What a ticket is found by: one for each flag and week."""
    return f"firstline-{kind}-{week}"


def verdict_label(flag: FlagInWeek, week: str) -> str:
    """What last week's ticket is told this week."""
    return f"{'fell' if flag.fell else 'not-fallen'}-{week}"


def report_key(week: str) -> str:
    """Where the report lies."""
    return f"reports/review-{week}.md"


def report(review: WeekReview, tickets: Mapping[str, str], followed: Mapping[str, str], link_base: str) -> str:
    """The report, Markdown. `tickets` and `followed`: kind -> a line about this week's and last week's ticket."""
    monday = monday_of(review.week)
    lines = [
        f"# Flagged turns, {review.week}",
        "",
        f"Calls from Monday {monday:%d %B} to Sunday {monday + timedelta(days=6):%d %B %Y}. A flag raised more than"
        f" {TOLERATED} times becomes one ticket.",
        "",
    ]
    if not review.flags:
        return "\n".join([*lines, "Nothing was flagged.", ""])
    lines += [f"| flag | {review.week} | {before(review.week)} | ticket |", "| --- | ---: | ---: | --- |"]
    for flag in review.flags:
        kind = flag.tally.kind
        lines.append(f"| {_words(kind)} | {flag.tally.count} | {flag.count_before} | {tickets.get(kind, '')} |")
    if followed:
        lines += ["", "## What became of last week's tickets", ""]
        lines += [f"- {_words(kind)}: {line}" for kind, line in followed.items()]
    for flag in review.flags:
        if flag.tally.examples:
            lines += ["", f"## {_words(flag.tally.kind).capitalize()}", ""]
            lines += [_example(example, link_base) for example in flag.tally.examples]
    return "\n".join([*lines, ""])


def change(flag: FlagInWeek) -> str:
    """What happened to a flag that had a ticket, in words."""
    return f"{'fell' if flag.fell else 'did not fall'} from {flag.count_before} to {flag.tally.count}"


def _example(example: FlaggedTurn, link_base: str) -> str:
    where = f"turn {example.turn}" if example.turn else "the call"
    told = f": {example.detail}" if example.detail else ""
    call = f"[{example.call_sid}]({link_base}/call-{example.call_sid})"
    return f"- {example.at[:16].replace('T', ' ')} {call}, {where}{told}"


def _words(kind: str) -> str:
    return kind.replace("_", " ")
