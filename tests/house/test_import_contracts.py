"""Imports point one way: the contracts of pyproject.toml, checked with the rest of the suite."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.house.repository import ROOT

LINT_IMPORTS = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as main; main()"]


def lint(where: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter as `lint-imports` does, on the packages in a folder."""
    return subprocess.run([*LINT_IMPORTS, "--no-cache"], cwd=where, capture_output=True, text=True, check=False)


def configured() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
    return found


def test_every_contract_is_kept() -> None:
    told = lint(ROOT)

    assert told.returncode == 0, told.stdout + told.stderr
    assert f"{len(configured()['importlinter']['contracts'])} kept, 0 broken" in told.stdout


def test_every_room_that_ships_is_under_contract() -> None:
    packages = configured()["hatch"]["build"]["targets"]["wheel"]["packages"]

    assert set(packages) <= set(configured()["importlinter"]["root_packages"])


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The rooms and their contracts, to be broken."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for room in configured()["importlinter"]["root_packages"]:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.mark.parametrize(
    ("where", "import_"),
    [
        ("firstline/ports.py", "import workers.cli"),
        ("firstline/domain/call.py", "from firstline import settings"),
        ("firstline/domain/call.py", "import pydantic"),
        ("firstline/knowledge/search.py", "import firstline.adapters.postgres"),
        ("realtime_bridge/protocol/call.py", "import asyncio"),
        ("realtime_bridge/app.py", "import firstline.adapters.temporal"),
        ("activities/handoff.py", "import pagerduty"),
        ("activities/handoff.py", "import workflows.call"),
        ("workflows/call.py", "import structlog"),
    ],
)
def test_an_import_against_the_contracts_is_noticed(copy: Path, where: str, import_: str) -> None:
    file = copy / where
    file.write_text(f"{file.read_text('utf-8')}\n\n{import_}\n", "utf-8")

    told = lint(copy)

    assert told.returncode == 1
    assert " 0 broken" not in told.stdout
    assert where.removesuffix(".py").replace("/", ".") in told.stdout
