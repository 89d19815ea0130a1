"""The process under test, alone on one core; the scripted peers keep off it."""

import asyncio
import os
import sys
import tempfile
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from twilio.request_validator import RequestValidator

from firstline.settings import LOCAL_AUTH_TOKEN
from workers.ports_in_use import free_port


@dataclass(frozen=True)
class UnderTest:
    """A relay or a bridge that listens."""

    process: psutil.Process
    media_url: str
    home: Path
    """Its folder, gone with it."""

    @property
    def signature(self) -> str:
        """What Twilio would sign its upgrade with."""
        return str(RequestValidator(LOCAL_AUTH_TOKEN).compute_signature(self.media_url, {}))


@contextmanager
def cores_apart() -> Iterator[int]:
    """The core for the process under test; this process keeps to the others while the block runs."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(0, set(cores[1:]))
    try:
        yield cores[0]
    finally:
        os.sched_setaffinity(0, set(cores))


@asynccontextmanager
async def running(module: str, model_url: str, core: int, *arguments: str) -> AsyncIterator[UnderTest]:
    """A module of this folder as a process on a core, killed at the end. Raises `RuntimeError` if it does not start."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="firstline-bench-") as home:
        async with started(module, str(port), model_url, home, *arguments) as process:
            os.sched_setaffinity(process.pid, {core})
            await _listening(port, process)
            yield UnderTest(psutil.Process(process.pid), f"ws://127.0.0.1:{port}/media", Path(home))


@asynccontextmanager
async def started(module: str, *arguments: str, stdout: int = DEVNULL) -> AsyncIterator[Process]:
    """A module of this folder as a process, killed at the end. Ctrl-C reaches us alone."""
    command = [sys.executable, "-m", f"workers.bench.bridge.{module}", *arguments]
    process = await asyncio.create_subprocess_exec(*command, stdout=stdout, start_new_session=True)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):  # it has ended
            process.kill()
        await process.wait()


async def _listening(port: int, process: Process) -> None:
    for _ in range(300):
        if process.returncode is not None:
            raise RuntimeError("the process under test ended before it listened")
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
            continue
        writer.close()
        return
    raise RuntimeError("the process under test does not listen")
