"""Outbound calls one after the other, across worker processes: each waits for its turn, by the database's clock.

The dial queue's rate limit spreads calls over time, but Temporal lets a second's worth through at once when nothing was
dialled before (`defaultBurstDuration` in its matching service), and as much again for each partition of the queue.
"""

import asyncio
from typing import NamedTuple

import structlog
from prometheus_client import Counter

from firstline.adapters.postgres import Pool
from firstline.adapters.postgres_errors import as_port_error
from firstline.ports import PortError

log = structlog.get_logger()

LONGEST_WAIT_S = 3.0
"""An attempt to ring a rep has 8 s, of which the carrier gets 4."""
# Read after the row is locked: two processes get two turns.
_TAKE = b"""
insert into dial_turns as turn (carrier, free_at) values (%(carrier)s, clock_timestamp() + %(gap)s::interval)
on conflict (carrier) do update set free_at = greatest(turn.free_at, clock_timestamp()) + %(gap)s::interval
returning extract(epoch from turn.free_at - %(gap)s::interval)::float8,
    extract(epoch from turn.free_at - %(gap)s::interval - clock_timestamp())::float8
"""

without_a_turn = Counter("firstline_dials_without_a_turn_total", "Outbound calls placed without waiting", ["why"])


class Turn(NamedTuple):
    """When a call may be placed."""

    at: float
    """Unix seconds, by the database's clock."""
    in_seconds: float
    """Negative when the moment has passed."""


class PostgresDialTurns:
    """`ports.DialTurns`: a row that says when the next call may be placed."""

    def __init__(
        self, pool: Pool, per_second: float, carrier: str = "twilio", *, longest_wait: float = LONGEST_WAIT_S
    ) -> None:
        self._pool = pool
        self._longest_wait = longest_wait
        self._asked = {"carrier": carrier, "gap": f"{1 / per_second} seconds"}

    async def wait(self) -> None:
        """Returns when the call may be placed.

        Never raises: a database that is away costs the pace, which the carrier then keeps by queueing, and no promise.
        """
        try:
            async with asyncio.timeout(self._longest_wait):
                turn = await self.take()
                await asyncio.sleep(max(0.0, turn.in_seconds))
        except PortError as error:
            self._without("database", error)
        except TimeoutError as error:
            self._without("too_long", error)

    async def take(self) -> Turn:
        """The next turn, which nobody else gets. Raises `PortError`."""
        with as_port_error("no turn was taken"):
            async with self._pool.connection(timeout=self._longest_wait / 2) as connection:
                row = await (await connection.execute(_TAKE, self._asked)).fetchone()
        return Turn(*row) if row else Turn(0.0, 0.0)

    @staticmethod
    def _without(why: str, error: Exception) -> None:
        without_a_turn.labels(why).inc()
        log.warning("dialled_without_a_turn", why=why, error=type(error).__name__)
