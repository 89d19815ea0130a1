"""What the read model in Postgres keeps, holds and forgets."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from firstline.adapters.postgres import Pool
from firstline.adapters.postgres_errors import as_port_error
from firstline.domain.retention import KeptCall

_HELD = "exists (select from legal_holds h where h.subject in (c.call_sid, c.from_number))"


class PostgresRetention:
    """`ports_after_call.Retention`. Turns and flags go with their call."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def held(self) -> Collection[str]:
        """Held CallSids, those of calls that are not in the read model included. Raises `PortError`."""
        query = f"select call_sid from calls c where {_HELD} union select subject from legal_holds"
        return {subject for (subject,) in await self._rows(query) if not subject.startswith("+")}

    async def hold(self, subject: str, why: str) -> None:
        """The newest reason stays. Raises `PortError`."""
        insert = "insert into legal_holds (subject, why) values (%s, %s) on conflict (subject) do update set why = %s"
        await self._changed(insert, subject, why, why)

    async def release(self, subject: str) -> bool:
        """Whether there was a hold. Raises `PortError`."""
        return await self._changed("delete from legal_holds where subject = %s", subject) > 0

    async def trace_moved(self, call_sid: str, trace_url: str) -> None:
        """Raises `PortError`."""
        await self._changed("update calls set trace_url = %s where call_sid = %s", trace_url, call_sid)

    async def forget_before(self, moment: datetime) -> int:
        """How many calls went. Raises `PortError`."""
        return await self._changed(f"delete from calls c where started_at < %s and not {_HELD}", moment)

    async def calls_of(self, phone: str) -> Sequence[KeptCall]:
        """Oldest first. Raises `PortError`."""
        query = "select call_sid, started_at from calls where from_number = %s order by started_at, call_sid"
        return [KeptCall(sid, f"{at.astimezone(UTC):%Y-%m-%d}") for sid, at in await self._rows(query, phone)]

    async def forget(self, call_sids: Collection[str]) -> int:
        """How many calls went. Raises `PortError`."""
        sids = list(call_sids)
        await self._changed("delete from csat_samples where call_sid = any(%s)", sids)
        return await self._changed("delete from calls where call_sid = any(%s)", sids)

    async def _rows(self, query: str, *asked: object) -> list[tuple[Any, ...]]:
        with as_port_error("what is kept could not be read"):
            async with self._pool.connection() as connection:
                return list(await (await connection.execute(query.encode(), asked)).fetchall())

    async def _changed(self, statement: str, *asked: object) -> int:
        with as_port_error("what is kept could not be changed"):
            async with self._pool.connection() as connection:
                return (await connection.execute(statement.encode(), asked)).rowcount
