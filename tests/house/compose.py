"""`docker-compose.yml` as data."""

import re
from functools import cache
from typing import Any

import yaml

from tests.house.repository import ROOT


@cache
def compose_text() -> str:
    """The file."""
    return (ROOT / "docker-compose.yml").read_text("utf-8")


@cache
def services() -> dict[str, dict[str, Any]]:
    """Every service by name, its merged mappings resolved."""
    parsed = yaml.safe_load(compose_text())
    found: dict[str, dict[str, Any]] = parsed["services"]
    return found


def ours() -> dict[str, dict[str, Any]]:
    """The services that run our own image."""
    return {name: service for name, service in services().items() if "build" in service}


def runs_to_its_end(name: str) -> bool:
    """Whether others wait for the end of this service rather than for its health."""
    conditions = {
        service["depends_on"][name]["condition"]
        for service in services().values()
        if name in service.get("depends_on", {})
    }
    return conditions == {"service_completed_successfully"}


def interpolated() -> set[str]:
    """Variables that Compose itself fills in."""
    lines = [line for line in compose_text().splitlines() if not line.lstrip().startswith("#")]
    return set(re.findall(r"(?<!\$)\$\{([A-Z0-9_]+)", "\n".join(lines)))


def health_script(name: str) -> str:
    """The Python that tells whether one of our services is healthy."""
    command, interpreter, option, script = services()[name]["healthcheck"]["test"]
    assert (command, interpreter, option) == ("CMD", "python", "-c")
    return str(script).replace("$$", "$")
