"""Promises survive: a short seeded run of `firstline bench lifecycle`, everything real but the paid services."""

import asyncio
import json
import os
import sys

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

RUN = ("--calls", "6", "--kills", "4", "--seed", "5", "--seconds", "12", "--no-restarts", "--json")


async def test_every_promise_is_kept_once_whatever_is_killed() -> None:
    """The run itself ends with 0 only if nothing was doubled, lost, dropped, left open or left in a spool."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "workers.cli", "bench", "lifecycle", *RUN),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(os.environ),
    )
    told, progress = await process.communicate()

    assert told, progress.decode()
    figures = json.loads(told)
    assert figures["wrong"] == []
    assert process.returncode == 0
    assert sum(figures["kills_of"].values()) == 4
    assert figures["promised"] == figures["kept"] > 0
    assert sum(figures["outcomes"].values()) >= 6
    assert figures["poison_set_aside"] == figures["poison_fed"]
