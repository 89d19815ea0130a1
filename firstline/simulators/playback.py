"""What Twilio does with the audio a server sends: buffer it, play it in real time, echo marks. No I/O, no clock."""

from collections import deque

from firstline.simulators.mulaw import FRAME_BYTES, RATE


class Playback:
    """The buffer behind a bidirectional media stream; `pull` it every 20 ms.

    A mark is echoed once everything sent before it was played, or at once when the buffer is cleared
    (Media Streams reference, "mark" and "clear").
    """

    def __init__(self) -> None:
        # Audio and marks in the order in which they were sent.
        self._items: deque[bytes | str] = deque()
        self._bytes = 0

    @property
    def pending_ms(self) -> int:
        """How much audio is still to be played."""
        return self._bytes * 1000 // RATE

    def media(self, audio: bytes) -> None:
        """Append µ-law bytes, any length."""
        if audio:
            self._items.append(audio)
            self._bytes += len(audio)

    def mark(self, name: str) -> None:
        """Append a mark."""
        self._items.append(name)

    def clear(self) -> list[str]:
        """Drop everything unplayed; returns the marks to echo."""
        marks = [item for item in self._items if isinstance(item, str)]
        self._items.clear()
        self._bytes = 0
        return marks

    def pull(self) -> tuple[bytes | None, list[str]]:
        """The next 20 ms to play (padded with silence; None when nothing is there) and the marks passed on the way."""
        passed: list[str] = []
        frame = b""
        while self._items and len(frame) < FRAME_BYTES:
            item = self._items.popleft()
            if isinstance(item, str):
                passed.append(item)
                continue
            room = FRAME_BYTES - len(frame)
            frame += item[:room]
            if len(item) > room:
                self._items.appendleft(item[room:])
        self._bytes -= len(frame)
        return (frame.ljust(FRAME_BYTES, b"\xff") if frame else None), passed
