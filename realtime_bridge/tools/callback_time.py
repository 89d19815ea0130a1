"""A caller's words for a time, resolved in the line's time zone.

`dateparser` reads dates and relative times; it does not read number words after "at" and would silently answer with the
present hour ("tomorrow at nine" -> tomorrow, now), so those are put into digits first and an hour without am or pm is
taken for office hours: 8 to 11 in the morning, 12 to 7 after noon.
"""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import dateparser

_NUMBERS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "forty five": 45, "fifty": 50,
    "noon": 12, "uno": 1, "una": 1, "un": 1, "dos": 2, "tres": 3, "cuatro": 4, "cinco": 5, "seis": 6, "siete": 7,
    "ocho": 8, "nueve": 9, "diez": 10, "once": 11, "doce": 12, "quince": 15, "veinte": 20, "treinta": 30,
}  # fmt: skip
_WORD = re.compile(r"\b(" + "|".join(sorted(_NUMBERS, key=len, reverse=True)) + r")\b")
_PHRASES = [
    (re.compile(r"\b(an|one) hour and a half\b|\buna hora y media\b"), "90 minutes"),
    (re.compile(r"\bhalf an hour\b|\bmedia hora\b"), "30 minutes"),
    (re.compile(r"\ban? (quarter of an hour)\b|\bun cuarto de hora\b"), "15 minutes"),
    (re.compile(r"\ban? couple of\b"), "2"),
    (re.compile(r"\b(please|por favor|o'?clock|maybe|around|about|sharp|en punto)\b"), " "),
    (re.compile(r"\ba\.m\.?|\ba m\b"), "am"),
    (re.compile(r"\bp\.m\.?|\bp m\b"), "pm"),
    (re.compile(r"\bde la mañana\b|\bin the morning\b"), "am"),
    (re.compile(r"\bde la tarde\b|\bin the (afternoon|evening)\b"), "pm"),
    (re.compile(r"\bin an? (?=minute|hour)"), "in 1 "),
    (re.compile(r"\bnext (?=\w+day\b)"), ""),
]
_RELATIVE = re.compile(
    r"\b(?:in |en |dentro de )?(\d+)\s*(?:(min(?:ute|uto)?s?)|(ho(?:u)?r(?:a)?s?)|(d(?:ay|ía|ia)s?)|(week|semana)s?)\b"
)
_SPAN = re.compile(r"\bin (\d+) (minutes|hours)\b")
_UNITS = (None, "minutes", "hours", "days", "weeks")
_BARE_HOUR = re.compile(r"\b(?:at|a las?)\s+(\d{1,2})(?:[: ]?(\d{2}))?(?!\d)\s*(am|pm)?")


def resolve_when(words: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    """The moment that `words` name, timezone-aware in `zone`; None when they name none.

    `now` is timezone-aware. English and Spanish.
    """
    text = words.lower().strip(" .,!?")
    for pattern, plain in _PHRASES:
        text = pattern.sub(plain, text)
    text = _WORD.sub(lambda match: str(_NUMBERS[match[1]]), text)
    text = _RELATIVE.sub(_relative, text)
    text = " ".join(_BARE_HOUR.sub(_clock, text).split())
    if soon := _SPAN.search(text):
        # A span of time passes by the clock on the wall only where no hour is skipped or repeated in between.
        return (now.astimezone(UTC) + timedelta(**{soon[2]: int(soon[1])})).astimezone(zone)
    settings = {"PREFER_DATES_FROM": "future", "RELATIVE_BASE": now.astimezone(zone).replace(tzinfo=None)}
    # Naive on purpose: the parser would keep the offset of today for a day on which it is another.
    at: datetime | None = dateparser.parse(text, languages=["en", "es"], settings=settings)
    return at.replace(tzinfo=zone) if at is not None else None


def _relative(match: re.Match[str]) -> str:
    return f"in {match[1]} {_UNITS[(match.lastindex or 2) - 1]}"


def _clock(match: re.Match[str]) -> str:
    hour, minute, half = int(match[1]), match[2] or "00", match[3]
    if half is None and hour <= 12:
        half = "am" if 8 <= hour <= 11 else "pm"
    return f" {hour}:{minute} {half or ''} "


def spoken_time(at: datetime, now: datetime, language: str) -> str:
    """How a resolved time is read back: `today at 3:05 PM`, `tomorrow at 9:00 AM`, `on Friday, May 1 at 9:00 AM`."""
    local_now = now.astimezone(at.tzinfo)
    clock = at.strftime("%-I:%M %p") if language == "en" else at.strftime("%-H:%M")
    days = (at.date() - local_now.date()).days
    if language == "es":
        day = {0: "hoy", 1: "mañana"}.get(days, f"el {at.day}/{at.month}")
        return f"{day} a las {clock}"
    day = {0: "today", 1: "tomorrow"}.get(days, at.strftime("on %A, %B %-d"))
    return f"{day} at {clock}"
