"""The calls whose audio this bridge carries: counted, and waited for when it drains."""

import asyncio
from typing import Protocol

from realtime_bridge.metrics import LIVE_CALLS


class Ending(Protocol):
    """A call that can be ended from our side."""

    def finish(self, reason: str) -> None: ...


class LiveCalls:
    """Knows every open stream."""

    def __init__(self) -> None:
        self._calls: set[Ending] = set()
        self._none = asyncio.Event()
        self._none.set()

    def add(self, call: Ending) -> None:
        """A stream was opened."""
        self._calls.add(call)
        self._none.clear()
        LIVE_CALLS.set(len(self._calls))

    def remove(self, call: Ending) -> None:
        """A stream was closed."""
        self._calls.discard(call)
        LIVE_CALLS.set(len(self._calls))
        if not self._calls:
            self._none.set()

    def __len__(self) -> int:
        return len(self._calls)

    async def drain(self, seconds: float) -> int:
        """Let calls end by themselves for so long, then hand over the rest; returns how many were handed over.

        A call that is handed over loses its stream and not its caller: Twilio asks the action URL, another replica
        answers, and the workflow knows where the call was.
        """
        try:
            await asyncio.wait_for(self._none.wait(), seconds)
        except TimeoutError:
            rest = list(self._calls)
            for call in rest:
                call.finish("bridge_draining")
            await asyncio.wait_for(self._none.wait(), 5)
            return len(rest)
        return 0
