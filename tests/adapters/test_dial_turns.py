"""Outbound calls keep their distance, however many processes place them."""

import asyncio
import time
from itertools import pairwise

from psycopg_pool import AsyncConnectionPool

from firstline.adapters.dial_turns import PostgresDialTurns, without_a_turn
from firstline.adapters.postgres import Pool, open_pool
from workers.ports_in_use import free_port

RATE = 20.0


class TestTurns:
    async def test_are_apart_by_the_rate_whoever_takes_them(self, pool: Pool, database_url: str) -> None:
        another = await open_pool(database_url, max_size=2)
        both = [PostgresDialTurns(each, RATE, "apart") for each in (pool, another)]

        taken = await asyncio.gather(*(both[number % 2].take() for number in range(10)))
        await another.close()

        at = sorted(turn.at for turn in taken)
        assert min(after - before for before, after in pairwise(at)) >= 0.999 / RATE

    async def test_that_nobody_took_are_not_saved_up(self, pool: Pool) -> None:
        """The carrier counts by the second: an hour of silence is no credit."""
        turns = PostgresDialTurns(pool, RATE, "idle")
        async with pool.connection() as connection:
            await connection.execute("insert into dial_turns values ('idle', now() - interval '1 hour')")

        at = [(await turns.take()).at for _ in range(3)]

        assert at[2] - at[0] >= 1.999 / RATE

    async def test_are_waited_for(self, pool: Pool) -> None:
        turns = PostgresDialTurns(pool, RATE, "patient")
        first = await turns.take()

        await turns.wait()

        assert time.time() >= first.at + 0.99 / RATE

    async def test_of_different_carriers_do_not_wait_for_each_other(self, pool: Pool) -> None:
        await PostgresDialTurns(pool, 0.01, "slow").wait()
        began = time.monotonic()

        await PostgresDialTurns(pool, 0.01, "another").wait()

        assert time.monotonic() - began < 2

    async def test_are_not_waited_for_when_the_database_is_away(self) -> None:
        """A promise is worth more than the pace."""
        nowhere = f"postgresql://postgres@127.0.0.1:{free_port()}/postgres"
        pool: Pool = AsyncConnectionPool(nowhere, min_size=0, max_size=1, open=False)
        await pool.open(wait=False)
        before = without_a_turn.labels("database")._value.get()

        await PostgresDialTurns(pool, RATE, longest_wait=0.1).wait()

        await pool.close()
        assert without_a_turn.labels("database")._value.get() == before + 1

    async def test_that_are_too_far_away_are_not_waited_for(self, pool: Pool) -> None:
        turns = PostgresDialTurns(pool, 0.01, "far", longest_wait=0.05)
        await turns.wait()
        before = without_a_turn.labels("too_long")._value.get()

        await turns.wait()

        assert without_a_turn.labels("too_long")._value.get() == before + 1
