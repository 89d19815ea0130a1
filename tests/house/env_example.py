"""`.env.example` as data."""

import re
from dataclasses import dataclass

from tests.house.repository import ROOT

_SECTION = re.compile(r"# --- (?P<name>.+?) -+")
_VARIABLE = re.compile(r"#?(?P<name>[A-Z][A-Z0-9_]*)=(?P<default>.*)")

COMPOSE_ONLY = "docker-compose.yml alone"
"""The section of variables that are no settings of the processes."""


@dataclass(frozen=True)
class Documented:
    """A variable, as explained to whoever sets it."""

    name: str
    default: str
    section: str
    explanation: str


def documented() -> list[Documented]:
    """Every variable in order, repetitions included."""
    found: list[Documented] = []
    section, comments = "", list[str]()
    for line in (ROOT / ".env.example").read_text("utf-8").splitlines():
        if match := _SECTION.fullmatch(line):
            section = match["name"]
        elif match := _VARIABLE.fullmatch(line):
            found.append(Documented(match["name"], match["default"], section, " ".join(comments)))
            comments = []
        elif line.startswith("# "):
            comments.append(line[2:])
        elif not line:
            comments = []
        elif line != "#":
            raise AssertionError(f".env.example: not a comment, not a variable: {line!r}")
    return found


def settings() -> dict[str, Documented]:
    """The documented settings of the processes by name."""
    return {variable.name: variable for variable in documented() if variable.section != COMPOSE_ONLY}


def compose_only() -> set[str]:
    """Names of the variables that docker-compose.yml alone reads."""
    return {variable.name for variable in documented() if variable.section == COMPOSE_ONLY}
