"""Whose CPU a search takes: Postgres's or ours."""

import time
from dataclasses import dataclass

import psutil

from firstline.knowledge.store import Connection


@dataclass(frozen=True)
class CpuSplit:
    """CPU milliseconds a search, user and system."""

    python_ms: float
    """This process: embedding, and all around it."""
    postgres_ms: float | None
    """The server's processes that serve clients; None when they do not run on this machine."""


class Watch:
    """What has been used since it began."""

    def __init__(self, backends: list[psutil.Process]) -> None:
        self._backends = backends
        self._postgres = self._used()
        self._python = time.process_time()

    @classmethod
    async def begin(cls, connection: Connection) -> "Watch":
        """Over the connections of the database that are open now."""
        cursor = await connection.execute(
            "select pid from pg_stat_activity where backend_type = 'client backend' and datname = current_database()"
        )
        return cls([process for (pid,) in await cursor.fetchall() if (process := _postgres(pid))])

    def split(self, searches: int) -> CpuSplit:
        """A search's share, of so many since the watch began."""
        python = (time.process_time() - self._python) * 1000 / searches
        postgres = (self._used() - self._postgres) * 1000 / searches
        return CpuSplit(python, postgres if self._backends else None)

    def _used(self) -> float:
        return sum(sum(process.cpu_times()[:2]) for process in self._backends if process.is_running())


def _postgres(pid: int) -> psutil.Process | None:
    """The process when it is one of Postgres here; a server elsewhere has pids of its own."""
    try:
        process = psutil.Process(pid)
        return process if "postgres" in process.name() else None
    except psutil.Error:
        return None
