"""A command that is told to end, by whichever signal, ends what it has started."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from rich.console import Console

from workers.stack import Part, Supervisor
from workers.until_told import stoppable


async def _ready() -> bool:
    return True


class Run:
    """A command with one process of its own; `said` tells how far it is."""

    def __init__(self, logs: Path) -> None:
        command = [sys.executable, "-c", "import time; time.sleep(600)"]
        self.part = Part("sleeper", command, _ready, logs / "sleeper.log")
        self.said = asyncio.Queue[str]()
        self.may_end = asyncio.Event()

    async def __call__(self) -> None:
        supervisor = Supervisor(Console(quiet=True))
        try:
            await supervisor.launch(self.part)
            await self.said.put("started")
            await asyncio.Event().wait()
        finally:
            await self.said.put("tidying up")
            await self.may_end.wait()
            await supervisor.stop()


class TestSigterm:
    async def test_ends_what_a_command_has_started(self, tmp_path: Path) -> None:
        run = Run(tmp_path)
        run.may_end.set()
        command = asyncio.create_task(stoppable(run()))
        assert await run.said.get() == "started"

        os.kill(os.getpid(), signal.SIGTERM)

        with pytest.raises(asyncio.CancelledError):
            await command
        assert not run.part.running

    async def test_that_comes_again_does_not_disturb_the_tidying_up(self, tmp_path: Path) -> None:
        run = Run(tmp_path)
        command = asyncio.create_task(stoppable(run()))
        assert await run.said.get() == "started"
        os.kill(os.getpid(), signal.SIGTERM)
        assert await run.said.get() == "tidying up"

        os.kill(os.getpid(), signal.SIGTERM)
        asyncio.get_running_loop().call_later(0.05, run.may_end.set)

        with pytest.raises(asyncio.CancelledError):
            await command
        assert not run.part.running
