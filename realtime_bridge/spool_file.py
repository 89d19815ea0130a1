"""The spool's SQLite file: facts in the order in which they were put, and what was set aside. Its methods block."""

import sqlite3
from pathlib import Path
from typing import NamedTuple

import orjson
import structlog
from pydantic import ConfigDict, TypeAdapter

from firstline.domain.call import CallStarted
from firstline.domain.facts import Fact
from realtime_bridge.metrics import SPOOL_POISON

log = structlog.get_logger()

BATCH = 100
"""Facts that are read at once."""
# Read as lists, because only so a dataclass takes a setting: pydantic would keep the last 16,384 short strings that it
# read, and a call's numbers, times and words come once.
_ONLY_KEYS = ConfigDict(cache_strings="keys")
_FACTS = TypeAdapter(list[Fact], config=_ONLY_KEYS)
_STARTS = TypeAdapter(list[CallStarted], config=_ONLY_KEYS)
_SCHEMA = """
create table if not exists fact (seq integer primary key autoincrement, call_sid text not null,
    start blob not null, body blob not null);
create table if not exists poison (seq integer primary key, call_sid text not null, body blob not null,
    why text not null);
"""
_INSERT = "insert into fact (call_sid, start, body) values (?, ?, ?)"
_OLDEST = "select seq, call_sid, start, body from fact order by seq limit ?"
_DELETE = "delete from fact where seq = ?"
_SET_ASIDE = "insert or replace into poison select seq, call_sid, body, ? from fact where seq = ?"


class Row(NamedTuple):
    """A fact that is on disk."""

    seq: int
    start: CallStarted
    fact: Fact


class SpoolFile:
    """Every method is one transaction and raises `sqlite3.Error`, after which nothing has changed."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=normal")
        self._db.executescript(_SCHEMA)
        # Of the row written last.
        self._seq = 0

    def write(self, fresh: list[tuple[CallStarted, Fact]], done: list[int]) -> tuple[list[Row], bool]:
        """Delete what was delivered, add what is new: its rows, and whether nobody else wrote since the last time.

        Somebody else is a person who puts repaired rows back, say. The first time is a wrong alarm in a used file.
        """
        with self._db:
            self._delete(done)
            rows = [Row(self._insert(start, fact), start, fact) for start, fact in fresh]
        if not rows:
            return rows, True
        alone = rows[0].seq == self._seq + 1
        self._seq = rows[-1].seq
        return rows, alone

    def read(self, done: list[int]) -> tuple[list[Row], bool]:
        """Delete what was delivered, read the oldest of the rest: at most `BATCH`, and whether there may be more.

        What cannot be read is set aside.
        """
        with self._db:
            self._delete(done)
            stored = self._db.execute(_OLDEST, (BATCH,)).fetchall()
            rows = [row for one in stored if (row := self._readable(*one))]
        return rows, len(stored) == BATCH

    def set_aside(self, row: Row, why: Exception) -> None:
        """Keep a fact for a person to look at, and out of the way."""
        with self._db:
            self._poison(row.seq, row.fact.call_sid, why)

    def close(self) -> None:
        self._db.close()

    def _insert(self, start: CallStarted, fact: Fact) -> int:
        seq = self._db.execute(_INSERT, (fact.call_sid, orjson.dumps(start), orjson.dumps(fact))).lastrowid
        assert seq is not None  # only an insert sets it, and this is one
        return seq

    def _delete(self, seqs: list[int]) -> None:
        self._db.executemany(_DELETE, [(seq,) for seq in seqs])

    def _readable(self, seq: int, call_sid: str, start: bytes, body: bytes) -> Row | None:
        try:
            (known,) = _STARTS.validate_json(b"[%b]" % start)
            (fact,) = _FACTS.validate_json(b"[%b]" % body)
        except (ValueError, TypeError) as unreadable:  # no such fact; text where bytes belong, as a repair may leave it
            self._poison(seq, call_sid, unreadable)
            return None
        return Row(seq, known, fact)

    def _poison(self, seq: int, call_sid: str, why: Exception) -> None:
        self._db.execute(_SET_ASIDE, (type(why).__name__, seq))
        self._delete([seq])
        SPOOL_POISON.inc()
        log.error("spool_poison", call_sid=call_sid, seq=seq, error=type(why).__name__)
