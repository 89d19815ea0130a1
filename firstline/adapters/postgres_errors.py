"""Postgres's errors as ours."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg_pool import PoolTimeout

from firstline.ports import PortError, Rejected


@contextmanager
def as_port_error(what: str) -> Iterator[None]:
    """`Rejected` for data that no retry can store, `PortError` for everything else; `what` begins the line."""
    try:
        yield
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        raise Rejected(f"{what}: {type(error).__name__}") from error
    except (psycopg.Error, PoolTimeout) as error:
        raise PortError(f"{what}: the database did not answer ({type(error).__name__})") from error
