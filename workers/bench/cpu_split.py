"""Whose CPU a search takes: Postgres's or ours."""

import time
from dataclasses import dataclass

import psutil

from firstline.adapters.postgres import Pool


@dataclass(frozen=True)
class CpuSplit:
    """CPU milliseconds a search, user and system."""

    python_ms: float
    """This process: embedding, and all around it."""
    postgres_ms: float | None
    """The server's processes that serve clients; None when they do not run on this machine."""


class Watch:
    """What has been used since it began."""

    def __init__(self, pool: Pool, postgres: dict[int, float]) -> None:
        self._pool = pool
        self._postgres = postgres
        self._python = time.process_time()

    @classmethod
    async def begin(cls, pool: Pool) -> "Watch":
        """Over this process and all connections of the database, those included that are opened later."""
        return cls(pool, await _backends(pool))

    async def split(self, searches: int) -> CpuSplit:
        """A search's share, of so many since the watch began."""
        python = time.process_time() - self._python
        now = await _backends(self._pool)
        postgres = sum(used - self._postgres.get(pid, 0.0) for pid, used in now.items())
        return CpuSplit(python * 1000 / searches, postgres * 1000 / searches if now else None)


async def _backends(pool: Pool) -> dict[int, float]:
    """CPU seconds of each server process of the database, by pid; none when they are not on this machine."""
    async with pool.connection() as connection:
        cursor = await connection.execute(
            "select pid from pg_stat_activity where backend_type = 'client backend' and datname = current_database()"
        )
        pids = [pid for (pid,) in await cursor.fetchall()]
    return {pid: used for pid in pids if (used := _used(pid)) is not None}


def _used(pid: int) -> float | None:
    """None when it is not one of Postgres here: a server elsewhere has pids of its own."""
    try:
        process = psutil.Process(pid)
        return sum(process.cpu_times()[:2]) if "postgres" in process.name() else None
    except psutil.Error:
        return None
