"""The satisfaction sample in Postgres."""

from collections.abc import Sequence
from datetime import datetime

from firstline.adapters.postgres import Pool
from firstline.adapters.postgres_errors import as_port_error
from firstline.domain.call import Outcome

_DEFLECTED = """
select call_sid from calls
where outcome = %s and started_at >= %s and started_at < %s
  and not exists (select from eval_calls e where e.call_sid = calls.call_sid)
order by call_sid
"""


class PostgresSurvey:
    """`ports_after_call.Survey`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def deflected(self, since: datetime, until: datetime) -> Sequence[str]:
        """Resolved calls outside the frozen evaluation set. Raises `PortError`."""
        return await self._sids(_DEFLECTED, (Outcome.RESOLVED.value, since, until))

    async def sample(self, month: str) -> Sequence[str]:
        """The kept sample. Raises `PortError`."""
        return await self._sids("select call_sid from csat_samples where month = %s order by call_sid", (month,))

    async def keep_sample(self, month: str, call_sids: Sequence[str]) -> None:
        """All of it or nothing. Raises `PortError`."""
        insert = "insert into csat_samples (month, call_sid) values (%s, %s) on conflict do nothing"
        with as_port_error("the sample was not kept"):
            async with self._pool.connection() as connection, connection.transaction(), connection.cursor() as cursor:
                await cursor.executemany(insert, [(month, sid) for sid in call_sids])

    async def keep_score(self, month: str, call_sid: str, score: int) -> None:
        """The last score counts. Raises `Rejected` for a score that is none, `PortError` otherwise."""
        update = "update csat_samples set score = %s, scored_at = now() where month = %s and call_sid = %s"
        with as_port_error("the score was not kept"):
            async with self._pool.connection() as connection:
                await connection.execute(update, (score, month, call_sid))

    async def _sids(self, query: str, asked: tuple[object, ...]) -> list[str]:
        with as_port_error("the calls could not be listed"):
            async with self._pool.connection() as connection:
                rows = await (await connection.execute(query.encode(), asked)).fetchall()
        return [sid for (sid,) in rows]
