"""When a promised callback may ring: opening hours and holidays of the line, quiet hours of the person rung.

Opening hours and holidays are read on the line's own clock, quiet hours on every clock that the rung number may live
by. All of it is asked of moments, never of local times: a night in which the clocks change needs no rule of its own.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

HORIZON = timedelta(days=45)
"""How far ahead an allowed moment is looked for: a callback may be 30 days away, and a closed fortnight may follow."""

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = r"(\d\d):(\d\d)-(\d\d):(\d\d)"
_OPEN = re.compile(rf"(?P<first>[a-z]{{3}})(?:-(?P<last>[a-z]{{3}}))? +{_SPAN}")
_QUIET = re.compile(_SPAN)
_YEARLY = re.compile(r"(\d\d)-(\d\d)")
_DAY_END = 24 * 60
# Clocks are changed on the quarter-hour; a moment that no written boundary names is found on this grid.
_GRID = timedelta(minutes=15)


@dataclass(frozen=True)
class Span:
    """Minutes of a day, the first included, the last not: 0 to 1,440."""

    start: int
    end: int

    def holds(self, minute: int) -> bool:
        """Whether this minute of a day lies within; a span that ends before it begins goes on past midnight."""
        if self.start <= self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end


ALWAYS = {day: (Span(0, _DAY_END),) for day in range(7)}


@dataclass(frozen=True)
class Hours:
    """The rules. `open`: weekday (0 is Monday) -> spans."""

    zone: ZoneInfo
    open: dict[int, tuple[Span, ...]] = field(default_factory=lambda: dict(ALWAYS))
    holidays: frozenset[str] = frozenset()
    """`2026-12-25` for one day, `12-25` for every year."""
    quiet: Span | None = None

    def refusal(self, at: datetime, zones: Iterable[ZoneInfo] = ()) -> str | None:
        """Why nobody may be rung at this moment, as the end of a sentence; None when they may.

        `zones`: the clocks that the rung person may live by; none known means the line's own.
        """
        local = at.astimezone(self.zone)
        if f"{local:%Y-%m-%d}" in self.holidays or f"{local:%m-%d}" in self.holidays:
            return f"{local:%A, %B} {local.day} is a holiday"
        if not any(span.holds(_minute(local)) for span in self.open.get(local.weekday(), ())):
            return f"{local:%A} at {clock(local)} is outside of the hours in which we call"
        for there in (at.astimezone(zone) for zone in self._clocks(zones)):
            if self.quiet is not None and self.quiet.holds(_minute(there)):
                return f"we do not call at {clock(there)}, when people sleep"
        return None

    def next_allowed(self, at: datetime, zones: Iterable[ZoneInfo] = ()) -> datetime | None:
        """The first moment from `at` on in which a person may be rung, in the line's zone.

        None when there is none within `HORIZON`.
        """
        clocks = self._clocks(zones)
        for moment in self._candidates(at.astimezone(UTC), clocks):
            if self.refusal(moment, clocks) is None:
                return moment.astimezone(self.zone)
        return None

    def _clocks(self, zones: Iterable[ZoneInfo]) -> tuple[ZoneInfo, ...]:
        return tuple(zones) or (self.zone,)

    def _candidates(self, at: datetime, clocks: tuple[ZoneInfo, ...]) -> Iterator[datetime]:
        """`at`, and every later moment at which a refusal may end, in order."""
        yield at
        starts = {span.start for spans in self.open.values() for span in spans} | {0}
        quiet_ends = {self.quiet.end} if self.quiet else set()
        day = at
        while day <= at + HORIZON:
            found = _starts_of_two_days(day, self.zone, starts)
            for zone in clocks:
                found |= _starts_of_two_days(day, zone, quiet_ends)
            first = day.replace(minute=0, second=0, microsecond=0)
            found |= {first + step * _GRID for step in range(24 * 4 + 4)}
            yield from sorted(moment for moment in found if day < moment <= day + timedelta(days=1))
            day += timedelta(days=1)


def parse_open(text: str) -> dict[int, tuple[Span, ...]]:
    """`always`, or `mon-fri 08:00-20:00, sat 10:00-14:00`. Raises `ValueError` naming the wrong part."""
    if text.strip().lower() == "always":
        return dict(ALWAYS)
    found: dict[int, tuple[Span, ...]] = {}
    for part in (part.strip().lower() for part in text.split(",")):
        match = _OPEN.fullmatch(part)
        if match is None or match["first"] not in _DAYS or (match["last"] or "mon") not in _DAYS:
            raise ValueError(f"{part!r} is not like mon-fri 08:00-20:00")
        span = _span(part, match.groups()[2:])
        if span.start >= span.end:
            raise ValueError(f"{part!r} ends before it begins")
        first, last = _DAYS.index(match["first"]), _DAYS.index(match["last"] or match["first"])
        for day in range(first, first + (last - first) % 7 + 1):
            found[day % 7] = (*found.get(day % 7, ()), span)
    return found


def parse_holidays(text: str) -> frozenset[str]:
    """Dates with commas between: `2026-11-26`, or `12-25` for every year. Raises `ValueError` naming a wrong one."""
    found = frozenset(part.strip() for part in text.split(",") if part.strip())
    for day in found:
        try:
            date.fromisoformat(f"2024-{day}" if _YEARLY.fullmatch(day) else day)
        except ValueError:
            raise ValueError(f"{day!r} is not a date like 2026-11-26, nor one of every year like 12-25") from None
    return found


def parse_quiet(text: str) -> Span | None:
    """`21:00-08:00`, or `none`. Raises `ValueError`."""
    if text.strip().lower() == "none":
        return None
    match = _QUIET.fullmatch(text.strip())
    span = _span(text, match.groups()) if match else None
    if span is None or span.start == span.end:
        raise ValueError(f"{text!r} is not like 21:00-08:00, nor none")
    return span


def parse_pauses(text: str) -> tuple[timedelta, ...]:
    """`5,30`: minutes, each at least 1. Raises `ValueError` naming a wrong one."""
    pauses = []
    for part in (part.strip() for part in text.split(",") if part.strip()):
        if not part.isdecimal() or int(part) < 1:
            raise ValueError(f"{part!r} is not a whole number of minutes, at least 1")
        pauses.append(timedelta(minutes=int(part)))
    return tuple(pauses)


def clock(local: datetime) -> str:
    """A time of day as it is said: `8:05 AM`."""
    return local.strftime("%-I:%M %p")


def _span(text: str, digits: tuple[str | None, ...]) -> Span:
    hours, minutes, to_hours, to_minutes = (int(digit or 0) for digit in digits)
    start, end = hours * 60 + minutes, to_hours * 60 + to_minutes
    if max(minutes, to_minutes) > 59 or max(start, end) > _DAY_END:
        raise ValueError(f"{text!r} names a time that no clock shows")
    return Span(start, end)


def _minute(local: datetime) -> int:
    return local.hour * 60 + local.minute


def _starts_of_two_days(moment: datetime, zone: ZoneInfo, minutes: set[int]) -> set[datetime]:
    """When these minutes of a day come, on the day of this moment and on the next."""
    today = moment.astimezone(zone).date()
    days = (today, today + timedelta(days=1))
    return {found for day in days for minute in minutes for found in _moments(day, minute, zone)}


def _moments(day: date, minute: int, zone: ZoneInfo) -> set[datetime]:
    """When this minute of a day comes, which may be twice, or not at all (then some moment near it)."""
    local = datetime.combine(day + timedelta(days=minute // _DAY_END), time(minute // 60 % 24, minute % 60), zone)
    return {local.replace(fold=fold).astimezone(UTC) for fold in (0, 1)}
