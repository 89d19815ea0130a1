"""What happened in a simulated call, in order, to be read afterwards or followed live."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

Event = dict[str, Any]


class EventLog:
    """An append-only list of events; `follow` yields the past and then the future until the log is closed."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._began = time.monotonic()
        self._closed = False
        self._news = asyncio.Event()

    def add(self, event: str, **values: Any) -> None:
        """Stamp and keep an event: `seq`, `event`, `at_ms` since the call was created, `time` (ISO 8601, UTC)."""
        at_ms = round((time.monotonic() - self._began) * 1000)
        stamp = {"seq": len(self.events), "event": event, "at_ms": at_ms, "time": datetime.now(UTC).isoformat()}
        self.events.append(stamp | values)
        self._wake()

    def close(self) -> None:
        """No event comes after this one."""
        self._closed = True
        self._wake()

    async def follow(self) -> AsyncIterator[Event]:
        """Every event, then wait for more; ends when the log is closed."""
        at = 0
        while True:
            # Taken before the look: whatever is added after it sets exactly this event.
            news = self._news
            while at < len(self.events):
                yield self.events[at]
                at += 1
            if self._closed:
                return
            await news.wait()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
