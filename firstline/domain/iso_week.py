"""ISO weeks, written `2026-W47`: Monday to Sunday in the line's time zone."""

import re
from datetime import date, datetime, time, timedelta, tzinfo

_WEEK = re.compile(r"(\d{4})-W(\d{2})")


def week_of(moment: datetime, zone: tzinfo) -> str:
    """The week that a moment (timezone-aware) falls into."""
    year, week, _ = moment.astimezone(zone).isocalendar()
    return f"{year}-W{week:02d}"


def monday_of(week: str) -> date:
    """Its first day. Raises `ValueError` for what is no ISO week."""
    match = _WEEK.fullmatch(week)
    if match is None:
        raise ValueError(f"{week!r} is not an ISO week such as 2026-W47")
    return date.fromisocalendar(int(match[1]), int(match[2]), 1)


def bounds(week: str, zone: tzinfo) -> tuple[datetime, datetime]:
    """When it begins, and when the next one does: 167 or 169 hours where a clock changes. Raises `ValueError`."""
    monday = monday_of(week)
    return midnight(monday, zone), midnight(monday + timedelta(days=7), zone)


def before(week: str) -> str:
    """The week before. Raises `ValueError`."""
    year, number, _ = (monday_of(week) - timedelta(days=7)).isocalendar()
    return f"{year}-W{number:02d}"


def midnight(day: date, zone: tzinfo) -> datetime:
    """When a day begins there."""
    return datetime.combine(day, time(), zone)
