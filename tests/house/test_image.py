"""The image holds what the processes need: checked without building it."""

import re
import tomllib
from fnmatch import fnmatch
from typing import Any

import pytest

from tests.house.repository import ROOT, committed

DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def left_out(path: str) -> bool:
    """Whether `.dockerignore` keeps a path out of the build; the last pattern that matches decides."""
    decision = False
    for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!").removeprefix("**/")
        parts = path.split("/")
        prefixes = ["/".join(parts[: end + 1]) for end in range(len(parts))]
        candidates = prefixes + parts if "**/" in line else prefixes
        if any(fnmatch(candidate, pattern) and candidate.count("/") == pattern.count("/") for candidate in candidates):
            decision = not line.startswith("!")
    return decision


def needed() -> list[str]:
    """Everything committed that the wheel is made of."""
    wheel = project()["tool"]["hatch"]["build"]["targets"]["wheel"]
    roots = (*wheel["packages"], *wheel["force-include"])
    names = [str(path.relative_to(ROOT)) for path in committed()]
    inside = [name for name in names if name.startswith(tuple(f"{root}/" for root in roots))]
    assert all(any(name.startswith(f"{root}/") for name in inside) for root in roots)
    return [*inside, "pyproject.toml", "constraints.txt", "LICENSE", project()["project"]["readme"]]


def test_everything_the_wheel_is_made_of_reaches_the_build() -> None:
    assert [name for name in needed() if left_out(name)] == []


@pytest.mark.parametrize(
    "name", [".env", ".git/config", ".venv/bin/python", ".firstline/logs/bridge.log", "tests/x.py"]
)
def test_secrets_state_and_tests_do_not_reach_the_build(name: str) -> None:
    assert left_out(name)


def test_the_migrations_are_installed_where_the_code_looks_for_them() -> None:
    wheel = project()["tool"]["hatch"]["build"]["targets"]["wheel"]

    assert wheel["force-include"]["db/migrations"] == "firstline/migrations"
    assert list((ROOT / "db" / "migrations").glob("*.sql"))


def test_the_image_has_the_python_that_the_project_asks_for() -> None:
    asked = re.search(r"^ARG PYTHON_IMAGE=python:(\d+\.\d+)-", DOCKERFILE, re.MULTILINE)

    assert asked
    assert project()["project"]["requires-python"] == f">={asked[1]}"


def test_the_image_starts_the_project_s_own_command_and_not_as_root() -> None:
    last_stage = DOCKERFILE.rpartition("\nFROM ")[2]

    assert 'ENTRYPOINT ["firstline"]' in last_stage
    assert "firstline" in project()["project"]["scripts"]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", last_stage, re.MULTILINE)


def test_every_package_is_pinned_by_the_constraints() -> None:
    installs = re.findall(r"pip install (.*)", DOCKERFILE)

    assert installs
    assert all("-c constraints.txt" in arguments for arguments in installs)
