"""`firstline serve postgres` and whoever is killed: the server, or the process that watches it."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from workers.ports_in_use import free_port

pytestmark = pytest.mark.integration


@pytest.fixture
def home() -> Iterator[Path]:
    # Not pytest's own temporary folder: it is shut to the user whom Postgres runs as when the tests run as root.
    home = Path(tempfile.mkdtemp(prefix="firstline-serve-postgres-"))
    yield home
    shutil.rmtree(home)


@contextmanager
def served(home: Path, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """The process, once it says that the database is ready."""
    environment = {**os.environ, "FIRSTLINE_HOME": str(home), "FIRSTLINE_POSTGRES_PORT": str(port)}
    command = [sys.executable, "-m", "workers.cli", "serve", "postgres"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        assert any(b"postgres_ready" in line for line in process.stdout)
        yield process
        process.send_signal(signal.SIGTERM)


def server_of(home: Path) -> psutil.Process:
    return psutil.Process(int((home / "postgres" / "postmaster.pid").read_text().splitlines()[0]))


def test_ends_when_its_server_was_killed_and_goes_on_with_one_that_it_lost(home: Path) -> None:
    """Both halves in one test, for a fresh data directory takes seconds."""
    port = free_port()
    with served(home, port) as watcher:
        server = server_of(home)
        watcher.kill()
    assert server.is_running()

    with served(home, port) as heir:
        adopted = server_of(home)
        adopted.kill()
        code = heir.wait(20)

    assert adopted == server
    assert code == 2
