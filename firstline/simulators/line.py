"""A live line: the 20 ms clock between a person and whatever their call is connected to."""

import asyncio
import io
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import numpy as np

from firstline.simulators.events import EventLog
from firstline.simulators.mulaw import FRAME_MS, RATE, SILENCE
from firstline.simulators.phone import Person, Place
from firstline.speech.audio import decode_mulaw


class Endpoint(Protocol):
    """What a line is connected to. Called once a frame, by the line's clock; must not block."""

    @property
    def place(self) -> Place:
        """What the person takes it for."""
        ...

    @property
    def pending_ms(self) -> int:
        """Audio buffered behind the next frame."""
        ...

    def pull(self) -> bytes | None:
        """The next 20 ms for the person to hear; None for silence."""
        ...

    def push(self, frame: bytes) -> None:
        """20 ms that the person sent."""
        ...

    def press(self, digit: str) -> None:
        """A key that the person pressed."""
        ...


class Nothing:
    """Silence, between two verbs."""

    place = Place.NOTHING
    pending_ms = 0

    def pull(self) -> bytes | None:
        return None

    def push(self, frame: bytes) -> None:
        pass

    def press(self, digit: str) -> None:
        pass


class Line:
    """Runs from answer to hang-up on an absolute clock, so audio neither drifts nor stops; records both sides."""

    def __init__(self, person: Person, events: EventLog) -> None:
        self.person = person
        self.hung_up = asyncio.Event()
        self._events = events
        self._endpoint: Endpoint = Nothing()
        self._said = bytearray()
        self._heard = bytearray()

    @contextmanager
    def connected(self, endpoint: Endpoint) -> Iterator[None]:
        """Connect the person to `endpoint` for the length of the block."""
        self._endpoint = endpoint
        try:
            yield
        finally:
            self._endpoint = Nothing()

    async def run(self) -> None:
        """Tick until the person hangs up or the task is cancelled. A late tick is caught up, not skipped."""
        clock = asyncio.get_running_loop().time
        due = clock()
        while not self.hung_up.is_set():
            self._tick()
            due += FRAME_MS / 1000
            # Yields even when late, so that a starved loop still reads its sockets.
            await asyncio.sleep(max(0.0, due - clock()))

    def recording(self) -> bytes:
        """WAV, PCM16, 8 kHz: left what the person said, right what they heard."""
        stereo = np.stack([decode_mulaw(bytes(self._said)), decode_mulaw(bytes(self._heard))], axis=1)
        file = io.BytesIO()
        with wave.open(file, "wb") as out:
            out.setnchannels(2)
            out.setsampwidth(2)
            out.setframerate(RATE)
            out.writeframes(stereo.astype("<i2").tobytes())
        return file.getvalue()

    def _tick(self) -> None:
        endpoint = self._endpoint
        heard = endpoint.pull()
        reaction = self.person.tick(endpoint.place, heard, endpoint.pending_ms)
        self._heard += heard or SILENCE
        self._said += reaction.frame
        endpoint.push(reaction.frame)
        for event, values in reaction.events:
            self._events.add(event, **values)
        if reaction.digit:
            self._events.add("digit_pressed", digit=reaction.digit)
            endpoint.press(reaction.digit)
        if reaction.hang_up:
            self._events.add("hung_up", by="person", reason=reaction.hang_up)
            self.hung_up.set()
