"""What a line plays when the carrier itself speaks, and where keys go meanwhile."""

import asyncio
from collections import deque

from firstline.simulators.line import Nothing
from firstline.simulators.phone import Place


class Announcement:
    """An endpoint that plays what it is fed and queues the keys that are pressed."""

    place = Place.ANNOUNCEMENT

    def __init__(self) -> None:
        self.keys: asyncio.Queue[str] = asyncio.Queue()
        self._frames: deque[bytes] = deque()
        self._drained = asyncio.Event()
        self._drained.set()

    @property
    def pending_ms(self) -> int:
        """0: a person waits for the audio itself, not for its buffer."""
        return 0

    def feed(self, frames: list[bytes]) -> None:
        """Play these 20 ms frames after what is already there."""
        self._frames.extend(frames)
        if self._frames:
            self._drained.clear()

    async def drained(self) -> None:
        """Wait until everything fed was played."""
        await self._drained.wait()

    def pull(self) -> bytes | None:
        """The next 20 ms."""
        if not self._frames:
            self._drained.set()
            return None
        return self._frames.popleft()

    def push(self, frame: bytes) -> None:
        """Nobody listens to the person now."""

    def press(self, digit: str) -> None:
        """Keep a key for whoever gathers."""
        self.keys.put_nowait(digit)


class Hold(Nothing):
    """Waiting in a queue: silence, and nobody listens."""

    place = Place.HOLD
