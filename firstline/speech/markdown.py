"""A passage's Markdown as units that can be spoken: sentences, steps and points."""

import re
from dataclasses import dataclass
from enum import Enum, auto


class Kind(Enum):
    """Where a unit stood."""

    SENTENCE = auto()
    STEP = auto()
    """In a numbered list."""
    POINT = auto()
    """In a list of bullets."""


@dataclass(frozen=True)
class Unit:
    """Something that can be said by itself."""

    text: str
    kind: Kind
    block: int
    """Units of one paragraph or one list share it."""
    heading: str


_HEADING = re.compile(r"^#{1,6}\s+(.*)$")
_STEP = re.compile(r"^\s*\d+[.)]\s+(.*)$")
_POINT = re.compile(r"^\s*[-*+•]\s+(.*)$")
_LEFT_OUT = re.compile(r"^\s*(?:\||```|---+$|!\[|see also\b|ver también\b|véase\b|\[!\w+\]$|<)", re.I)
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[\"'(¿¡]?[A-ZÁÉÍÓÚÑ¿¡])")
_SPOKEN = [
    (re.compile(r"!\[[^\]]*\]\([^)]*\)"), ""),
    (re.compile(r"\[([^\]]+)\]\([^)]*\)"), r"\1"),
    (re.compile(r"<?https?://\S+>?"), ""),
    (re.compile(r"\*\*|__|`|(?<!\w)[*_](?=\S)|(?<=\S)[*_](?!\w)"), ""),
    (re.compile(r"<[^>]+>|&nbsp;"), " "),
    (re.compile(r"\s*\(\s*\)"), ""),
]


_INTO = re.compile(r"\s+(?:>|→|->|›)\s+")


def spoken(text: str, then: str = "then") -> str:
    """One line of Markdown without its marks; `Settings > Billing` becomes "Settings, then Billing"."""
    text = _INTO.sub(f", {then} ", text)
    for pattern, plain in _SPOKEN:
        text = pattern.sub(plain, text)
    return " ".join(text.split())


def units(markdown: str, then: str = "then") -> list[Unit]:
    """The passage's units in order, `then` said for `>`. Tables, code, pictures and "see also" lines are left out."""
    found: list[Unit] = []
    paragraph: list[str] = []
    heading, block, fenced = "", 0, False

    def close() -> None:
        nonlocal block
        if paragraph:
            text = spoken(" ".join(paragraph), then)
            found.extend(Unit(each, Kind.SENTENCE, block, heading) for each in _SENTENCE.split(text) if each)
            paragraph.clear()
            block += 1

    for raw in markdown.splitlines():
        line = re.sub(r"^\s*>\s?", "", raw)
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced or _LEFT_OUT.match(line) or not line.strip():
            close()
        elif match := _HEADING.match(line):
            close()
            heading, block = spoken(match[1]), block + 1
        elif match := (_STEP.match(line) or _POINT.match(line)):
            close()
            kind = Kind.STEP if _STEP.match(line) else Kind.POINT
            found.append(Unit(_ended(spoken(match[1], then)), kind, block, heading))
        else:
            paragraph.append(line.strip())
    close()
    return found


def _ended(text: str) -> str:
    """A list item with a full stop: it is spoken as a sentence."""
    return text if text.endswith((".", "!", "?", ":")) else f"{text.rstrip(';,')}."
