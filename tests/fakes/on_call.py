"""A schedule in memory."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self


class FakeOnCall:
    """`ports.OnCall`: the numbers of those on call, and of those who were until a moment ago."""

    def __init__(self) -> None:
        self.now: list[str] = []
        self.lately: list[str] = []

    @classmethod
    def of(cls, *now: str, lately: Sequence[str] = ()) -> Self:
        """A schedule with these people on call."""
        found = cls()
        found.now, found.lately = list(now), list(lately)
        return found

    async def numbers(self, since: datetime | None = None) -> Sequence[str]:
        return self.now if since is None else [*self.now, *self.lately]
