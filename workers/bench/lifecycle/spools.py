"""Bad food for the bridges' spools, given while they are dead: nonsense, and what was delivered already."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass

from workers.bench.lifecycle.balancer import Backend
from workers.bench.lifecycle.stage import Stage

_NOWHERE = "CA" + "f" * 32
_NONSENSE = b'{"kind": "no such fact"'


@dataclass
class Fed:
    """How much of it."""

    poison: int = 0
    repeats: int = 0


def feed(stage: Stage, backend: Backend, fed: Fed) -> None:
    """One row that nobody can read, and a second copy of every fact that waits.

    The bridge may be starting meanwhile: SQLite lets both in.
    """
    with closing(sqlite3.connect(stage.spool_file(backend), timeout=5)) as file, file:
        # Not the nonsense of an earlier death, which may still wait: it is counted once.
        repeated = file.execute(
            "insert into fact (call_sid, start, body) select call_sid, start, body from fact where call_sid <> ?",
            (_NOWHERE,),
        )
        fed.repeats += max(0, repeated.rowcount)
        row = (_NOWHERE, _NONSENSE, _NONSENSE)
        file.execute("insert into fact (call_sid, start, body) values (?, ?, ?)", row)
        fed.poison += 1


def set_aside(stage: Stage) -> int:
    """Rows that the bridges keep for a person to look at."""
    total = 0
    for backend in stage.balancer.backends:
        with closing(sqlite3.connect(stage.spool_file(backend), timeout=5)) as file:
            total += int(file.execute("select count(*) from poison").fetchone()[0])
    return total
