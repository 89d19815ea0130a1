"""Counts over the read model in Postgres."""

from collections.abc import Sequence
from datetime import UTC, datetime

from firstline.adapters.postgres import Pool
from firstline.adapters.postgres_errors import as_port_error
from firstline.domain.review import FlaggedTurn, FlagTally
from firstline.domain.slo import TurnCount

_TALLIES = """
select kind, count, call_sid, turn, detail, started_at
from (
    select f.kind, f.call_sid, f.turn, f.detail, c.started_at,
           count(*) over (partition by f.kind) as count,
           row_number() over (partition by f.kind order by c.started_at desc, f.call_sid, f.turn) as place
    from flags f join calls c using (call_sid)
    where c.started_at >= %(since)s and c.started_at < %(until)s
) as flagged
where place <= greatest(%(examples)s, 1)
order by count desc, kind, place
"""

_FIRST_AUDIO = """
select count(t.first_audio_ms), count(*) filter (where t.first_audio_ms > %(slower_than)s)
from calls c join turns t using (call_sid)
where c.ended_at >= %(since)s and c.ended_at < %(until)s
"""


class PostgresCallStatistics:
    """`ports_after_call.CallStatistics`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def flag_tallies(self, since: datetime, until: datetime, examples: int) -> Sequence[FlagTally]:
        """Flags by kind, the most frequent first. Raises `PortError`."""
        asked = {"since": since, "until": until, "examples": examples}
        with as_port_error("the flags could not be counted"):
            async with self._pool.connection() as connection:
                rows = await (await connection.execute(_TALLIES, asked)).fetchall()
        tallies: dict[str, FlagTally] = {}
        for kind, count, call_sid, turn, detail, at in rows:
            tally = tallies.setdefault(kind, FlagTally(kind, count))
            if len(tally.examples) < examples:
                tally.examples.append(FlaggedTurn(call_sid, turn, detail, at.astimezone(UTC).isoformat()))
        return list(tallies.values())

    async def first_audio(self, since: datetime, until: datetime, slower_than_ms: float) -> TurnCount:
        """Turns and slow turns of the calls that ended in this time. Raises `PortError`."""
        asked = {"since": since, "until": until, "slower_than": slower_than_ms}
        with as_port_error("the turns could not be counted"):
            async with self._pool.connection() as connection:
                row = await (await connection.execute(_FIRST_AUDIO, asked)).fetchone()
        return TurnCount(*row) if row else TurnCount(0, 0)
