"""The bridge's facts on disk until the control plane has them: one SQLite file per bridge, write-ahead log.

Audio never waits for it: `put` hands the fact to the one thread that touches the file. Delivery is at least once and in
order per call; the workflow drops duplicates by event id. A bridge that is killed finds its facts again when it starts
with the same file.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

import structlog
from pydantic import ConfigDict, TypeAdapter

from firstline.domain.call import CallStarted
from firstline.domain.facts import Fact
from firstline.ports import CallControl, PortError, Rejected
from realtime_bridge.metrics import SPOOL_DEPTH, SPOOL_LOST, SPOOL_POISON

log = structlog.get_logger()

P = ParamSpec("P")
T = TypeVar("T")

_FACT = TypeAdapter(Fact)
_START = TypeAdapter(CallStarted)
# Read as lists, because only so a dataclass takes a setting: pydantic would keep the last 16,384 short strings that it
# read, and a call's numbers, times and words come once.
_ONLY_KEYS = ConfigDict(cache_strings="keys")
_FACTS = TypeAdapter(list[Fact], config=_ONLY_KEYS)
_STARTS = TypeAdapter(list[CallStarted], config=_ONLY_KEYS)
GATHER_S = 0.1
"""Facts of so many seconds are written to disk together: what a kill can cost, for a tenth of the CPU at 100 calls."""
FORGET_S = 1.0
"""What was delivered is forgotten with the next look at the disk, or so long after it: thread and disk are woken once
for both. A kill in between delivers it twice."""
_BATCH = 100
_BACKOFF = (0.2, 0.5, 1.0, 2.0, 5.0)
_SCHEMA = """
create table if not exists fact (seq integer primary key autoincrement, call_sid text not null,
    start blob not null, body blob not null);
create table if not exists poison (seq integer primary key, call_sid text not null, body blob not null,
    why text not null);
"""


@dataclass(frozen=True)
class _Row:
    seq: int
    call_sid: str
    start: bytes
    body: bytes


class Spool:
    """Puts facts on disk at once and delivers them when the control plane can take them."""

    def __init__(self, path: Path, control: CallControl) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._control = control
        self.depth = 0
        """Facts that the control plane did not have when last looked."""
        self._fresh: list[tuple[CallStarted, Fact]] = []
        # Facts put and not yet on disk, `_fresh` and those with the thread.
        self._unwritten = 0
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=normal")
        self._db.executescript(_SCHEMA)
        self._deliverer = asyncio.create_task(self._deliver())
        self._wake.set()

    def put(self, start: CallStarted, fact: Fact) -> None:
        """Spool a fact; returns at once. It is on disk within `GATHER_S`."""
        self._idle.clear()
        self._unwritten += 1
        if not self._fresh:
            self._loop.call_later(GATHER_S, self._flush)
        self._fresh.append((start, fact))

    async def drained(self) -> None:
        """Returns once everything put so far was delivered or set aside."""
        await self._idle.wait()

    async def close(self) -> None:
        """Write what is in memory to disk and stop; what is undelivered waits for the next start."""
        self._deliverer.cancel()
        await asyncio.gather(self._deliverer, return_exceptions=True)
        self._flush()
        await asyncio.to_thread(self._thread.shutdown)
        self._db.close()

    def _flush(self) -> None:
        fresh, self._fresh = self._fresh, []
        if fresh:
            self._thread.submit(self._write, fresh)

    def _write(self, fresh: list[tuple[CallStarted, Fact]]) -> None:
        rows = [(fact.call_sid, _START.dump_json(start), _FACT.dump_json(fact)) for start, fact in fresh]
        try:
            with self._transaction():
                self._db.executemany("insert into fact (call_sid, start, body) values (?, ?, ?)", rows)
        except sqlite3.Error:  # a full disk, say: nothing else can keep these facts, so at least they are heard of
            SPOOL_LOST.inc(len(rows))
            log.exception("spool_write_failed", call_sids=[row[0] for row in rows])
        self._loop.call_soon_threadsafe(self._written, len(rows))

    def _written(self, count: int) -> None:
        self._unwritten -= count
        self._wake.set()

    async def _deliver(self) -> None:
        failures = 0
        done: list[int] = []
        while True:
            # Before looking: what is written meanwhile must not be slept through.
            self._wake.clear()
            rows = await self._in_thread(self._next, done)
            done = []
            self._look(len(rows))
            try:
                for run in _runs_of_a_call(rows):
                    await self._hand_over(run)
                    done += [row.seq for row in run]
                failures = 0
            except PortError as error:
                log.warning("spool_delivery_failed", waiting=len(rows), error=type(error).__name__)
                await asyncio.sleep(_BACKOFF[min(failures, len(_BACKOFF) - 1)])
                failures += 1
                continue
            if len(rows) < _BATCH and not self._wake.is_set():
                self._look(0)
                if not self._unwritten:
                    self._idle.set()
                await self._woken(FORGET_S if done else None)

    def _look(self, found: int) -> None:
        self.depth = found + self._unwritten
        SPOOL_DEPTH.set(self.depth)

    async def _woken(self, within: float | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._wake.wait()

    async def _hand_over(self, rows: list[_Row]) -> None:
        """Deliver one call's facts; poison is set aside so that the rest can pass."""
        try:
            (start,) = _STARTS.validate_json(b"[%b]" % rows[0].start)
            facts = _FACTS.validate_json(b"[%b]" % b",".join(row.body for row in rows))
            if len(facts) != len(rows):
                raise ValueError("a row holds no fact, or more than one")
            await self._control.deliver(start, facts)
        except (Rejected, ValueError) as refusal:
            if len(rows) > 1:
                for row in rows:
                    await self._hand_over([row])
                return
            SPOOL_POISON.inc()
            log.error("spool_poison", call_sid=rows[0].call_sid, seq=rows[0].seq, error=type(refusal).__name__)
            await self._in_thread(self._set_aside, rows[0], type(refusal).__name__)

    async def _in_thread(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._loop.run_in_executor(self._thread, partial(work, *args, **kwargs))

    def _next(self, done: list[int]) -> list[_Row]:
        """Forget what was delivered and read the oldest of the rest."""
        with self._transaction():
            self._db.executemany("delete from fact where seq = ?", [(seq,) for seq in done])
            rows = self._db.execute("select seq, call_sid, start, body from fact order by seq limit ?", (_BATCH,))
            return [_Row(*row) for row in rows.fetchall()]

    def _set_aside(self, row: _Row, why: str) -> None:
        with self._transaction():
            poison = (row.seq, row.call_sid, row.body, why)
            self._db.execute("insert or replace into poison values (?, ?, ?, ?)", poison)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("begin")
        try:
            yield
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")


def _runs_of_a_call(rows: list[_Row]) -> list[list[_Row]]:
    """Rows by call, in the order in which the calls come first; within a call in order."""
    runs: dict[str, list[_Row]] = {}
    for row in rows:
        runs.setdefault(row.call_sid, []).append(row)
    return list(runs.values())
