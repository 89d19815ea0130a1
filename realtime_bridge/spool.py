"""The bridge's facts on disk until the control plane has them: one SQLite file per bridge, write-ahead log.

Audio never waits for it: `put` hands the fact to the one thread that touches the file. Delivery is at least once and in
order per call; the workflow drops duplicates by event id. A bridge that is killed finds its facts again when it starts
with the same file.

Facts are delivered from memory once they are on disk. The disk is read while the spool is *behind*: at the start, after
a delivery failed, when more waits than memory should hold, and when another process has written to the file. What is
written meanwhile is not kept in memory: the disk is read, in order, until it holds no more. So nothing is overtaken and
nothing found twice: the thread works, and the loop hears of it, in one order, and what was written before the last
read is in that read, what was written after it comes from memory.
"""

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import structlog

from firstline.domain.call import CallStarted
from firstline.domain.facts import Fact, FactKind
from firstline.ports import CallControl, PortError, Rejected
from realtime_bridge.metrics import SPOOL_DEPTH, SPOOL_LOST
from realtime_bridge.spool_file import Row, SpoolFile

log = structlog.get_logger()

GATHER_S = 0.2
"""Facts of so many seconds are written to disk together, and delivered so much later. It is what a kill can cost: who
asked in it asks again, a turn that ended in it is answered again. 0.1 costs two thirds more of the spool's CPU."""
AT_ONCE = frozenset({FactKind.FAREWELL_PLAYED})
"""Facts that nobody waits to gather others for: the caller is silent on the line until they are delivered."""
FORGET_S = 1.0
"""What was delivered is deleted with the next write, or so long after it: thread and disk are woken once for both. A
kill in between delivers it twice."""
_IN_MEMORY = 1000
"""Facts that may wait in memory, some megabytes; more are left to the disk."""
_BACKOFF = (0.2, 0.5, 1.0, 2.0, 5.0)


class Spool:
    """Puts facts on disk at once and delivers them when the control plane can take them."""

    def __init__(self, path: Path, control: CallControl) -> None:
        self._control = control
        self.depth = 0
        """Facts that the control plane did not have when last looked."""
        self._fresh: list[tuple[CallStarted, Fact]] = []
        # Facts put and not yet on disk, `_fresh` and those with the thread.
        self._unwritten = 0
        # On disk and next to be delivered, in order.
        self._ready: list[Row] = []
        # The disk holds facts that are neither in `_ready` nor being delivered.
        self._behind = True
        # Delivered and still on disk.
        self._done: list[int] = []
        self._forgetter: asyncio.TimerHandle | None = None
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._file = SpoolFile(path)
        self._deliverer = asyncio.create_task(self._deliver())

    def put(self, start: CallStarted, fact: Fact) -> None:
        """Spool a fact; returns at once. It is on disk within `GATHER_S`, one of `AT_ONCE` sooner."""
        self._idle.clear()
        self._unwritten += 1
        if not self._fresh:
            self._loop.call_later(GATHER_S, self._flush)
        self._fresh.append((start, fact))
        if fact.kind in AT_ONCE:
            self._flush()

    async def drained(self) -> None:
        """Returns once everything put so far was delivered or set aside."""
        await self._idle.wait()

    async def close(self) -> None:
        """Write what is in memory to disk and stop; what is undelivered waits for the next start."""
        self._deliverer.cancel()
        await asyncio.gather(self._deliverer, return_exceptions=True)
        self._flush()
        await asyncio.to_thread(self._thread.shutdown)
        self._file.close()

    def _flush(self) -> None:
        if self._forgetter:
            self._forgetter.cancel()
            self._forgetter = None
        if self._fresh or self._done:
            fresh, self._fresh = self._fresh, []
            self._thread.submit(self._write, fresh, self._take_done())

    def _take_done(self) -> list[int]:
        done, self._done = self._done, []
        return done

    def _write(self, fresh: list[tuple[CallStarted, Fact]], done: list[int]) -> None:
        try:
            rows, alone = self._file.write(fresh, done)
        except sqlite3.Error:  # a full disk, say: nothing else can keep these facts, so at least they are heard of
            SPOOL_LOST.inc(len(fresh))
            log.exception("spool_write_failed", call_sids=[fact.call_sid for _, fact in fresh])
            rows, alone = [], True
            self._loop.call_soon_threadsafe(self._not_deleted, done)
        self._loop.call_soon_threadsafe(self._written, len(fresh), rows, alone)

    def _written(self, count: int, rows: list[Row], alone: bool) -> None:
        self._unwritten -= count
        if self._behind:
            return
        self._ready += rows
        if not alone or len(self._ready) > _IN_MEMORY:
            self._fall_behind()
        self._wake.set()

    def _not_deleted(self, done: list[int]) -> None:
        self._done += done

    def _fall_behind(self) -> None:
        self._behind = True
        self._ready = []

    async def _deliver(self) -> None:
        failures = 0
        while True:
            try:
                await self._hand_all_over(await self._next())
                failures = 0
            except (PortError, sqlite3.Error) as error:
                log.warning("spool_delivery_failed", waiting=self.depth, error=type(error).__name__)
                self._fall_behind()
                await asyncio.sleep(_BACKOFF[min(failures, len(_BACKOFF) - 1)])
                failures += 1

    async def _hand_all_over(self, rows: list[Row]) -> None:
        for run in _runs_of_a_call(rows):
            await self._hand_over(run)

    async def _next(self) -> list[Row]:
        """Wait for facts that are on disk and not delivered: the oldest, in order."""
        while not self._ready:
            if self._behind:
                await self._catch_up()
                continue
            self._look(0)
            if not self._unwritten:
                self._idle.set()
            self._wake.clear()
            await self._wake.wait()
        rows, self._ready = self._ready, []
        self._look(len(rows))
        return rows

    def _look(self, found: int) -> None:
        self.depth = found + self._unwritten
        SPOOL_DEPTH.set(self.depth)

    async def _catch_up(self) -> None:
        read: asyncio.Future[None] = self._loop.create_future()
        self._thread.submit(self._read, read, self._take_done())
        await read

    def _read(self, read: asyncio.Future[None], done: list[int]) -> None:
        try:
            rows, more = self._file.read(done)
        except sqlite3.Error as error:
            self._loop.call_soon_threadsafe(self._not_deleted, done)
            self._loop.call_soon_threadsafe(self._unreadable, read, error)
        else:
            self._loop.call_soon_threadsafe(self._found, read, rows, more)

    def _found(self, read: asyncio.Future[None], rows: list[Row], more: bool) -> None:
        self._ready = rows
        self._behind = more
        if not read.cancelled():
            read.set_result(None)

    def _unreadable(self, read: asyncio.Future[None], error: sqlite3.Error) -> None:
        if not read.cancelled():
            read.set_exception(error)

    async def _hand_over(self, rows: list[Row]) -> None:
        """Deliver one call's facts; poison is set aside so that the rest can pass."""
        try:
            await self._control.deliver(rows[0].start, [row.fact for row in rows])
        except (Rejected, ValueError) as refusal:
            if len(rows) > 1:
                for row in rows:
                    await self._hand_over([row])
                return
            await self._loop.run_in_executor(self._thread, self._file.set_aside, rows[0], refusal)
            return
        self._done += [row.seq for row in rows]
        if not self._forgetter:
            self._forgetter = self._loop.call_later(FORGET_S, self._flush)


def _runs_of_a_call(rows: list[Row]) -> list[list[Row]]:
    """Rows by call, in the order in which the calls come first; within a call in order."""
    runs: dict[str, list[Row]] = {}
    for row in rows:
        runs.setdefault(row.fact.call_sid, []).append(row)
    return list(runs.values())
