"""What the process under test knows of itself, written to a file when it is asked: a signal costs its calls nothing."""

import asyncio
import gc
import os
import signal
import sys
from pathlib import Path
from typing import Any

import orjson
import psutil
from prometheus_client import REGISTRY

ASK = signal.SIGUSR1
_FILE = "inside.json"


def answer_when_asked(home: Path) -> None:
    """In the process under test: write a sample at every `ASK`."""
    asyncio.get_running_loop().add_signal_handler(ASK, _write, home)


def _write(home: Path) -> None:
    sample = {
        "tasks": len(asyncio.all_tasks()),
        # Blocks of memory in use by Python's allocator: counting objects would stop the calls.
        "blocks": sys.getallocatedblocks(),
        # Memory that waits for one of these was left behind in circles.
        "full_collections": gc.get_stats()[2]["collections"],
        "spool": int(REGISTRY.get_sample_value("firstline_spool_depth") or 0),
        "live_calls": int(REGISTRY.get_sample_value("firstline_live_calls") or 0),
    }
    part = home / f"{_FILE}.part"
    part.write_bytes(orjson.dumps(sample))
    part.replace(home / _FILE)


async def ask(process: psutil.Process, home: Path) -> dict[str, Any]:
    """Outside of it: what it says now, with what the system says of it. Raises `TimeoutError`."""
    path = home / _FILE
    path.unlink(missing_ok=True)
    os.kill(process.pid, ASK)
    async with asyncio.timeout(10):
        while not path.exists():  # noqa: ASYNC110  # another process writes it
            await asyncio.sleep(0.02)
    rss = round(process.memory_info().rss / 2**20, 2)
    system = {"rss_mib": rss, "fds": process.num_fds(), "threads": process.num_threads()}
    return {**system, **orjson.loads(path.read_bytes())}
