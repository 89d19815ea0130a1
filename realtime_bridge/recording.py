"""Keeps what both sides of a turn said: written to the object store beside the loop, after the turn was reported.

A recording is no promise: one that cannot be written is given up, counted and logged, and one that waits in a bridge
that dies is lost. Nothing a caller hears waits for it.
"""

import asyncio
import struct
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import structlog

from firstline.domain.call import CallStarted
from firstline.domain.retention import audio_key
from firstline.domain.turn import Turn, TurnAudio
from firstline.ports import ObjectStore, PortError
from realtime_bridge.metrics import RECORDINGS
from realtime_bridge.tape import Cutting, Tape

log = structlog.get_logger()

WAITING_MAX = 400
"""Recordings that may wait for a slow store; more are not kept: a store that is away does not fill the memory."""
GATHER_S = 0.2
"""Seconds in which recordings are gathered: the store's thread is woken once for all of them."""
PAUSES = (1.0, 5.0, 25.0)
"""Seconds before each further try."""
CLOSING_SECONDS = 5.0
_HZ = 8000
_MULAW = 7
"""Format tag of G.711 µ-law in RIFF (RFC 2361)."""


def wav(mulaw: bytes) -> bytes:
    """A WAV of G.711 µ-law, 8 kHz mono, the bytes as they are."""
    form = struct.pack("<4sIHHIIHHH", b"fmt ", 18, _MULAW, 1, _HZ, _HZ, 1, 8, 0)
    fact = struct.pack("<4sII", b"fact", 4, len(mulaw))
    body = b"WAVE" + form + fact + struct.pack("<4sI", b"data", len(mulaw)) + mulaw + b"\0" * (len(mulaw) % 2)
    return struct.pack("<4sI", b"RIFF", len(body)) + body


class Recordings:
    """The recordings of every call of this bridge on their way to the store."""

    def __init__(self, store: ObjectStore, pauses: Sequence[float] = PAUSES) -> None:
        self._store = store
        self._pauses = pauses
        self._fresh: list[tuple[str, str, Callable[[], bytes]]] = []
        """(CallSid, key, what makes the µ-law) of what was not handed on yet."""
        self._writing: set[asyncio.Task[None]] = set()

    def keep(self, call_sid: str, keys: TurnAudio, cutting: Cutting) -> None:
        """Write the sides of a turn that have a key; returns at once."""
        for key, audio in ((keys.caller, cutting.caller_audio), (keys.agent, cutting.agent_audio)):
            waiting = len(self._writing) + len(self._fresh)
            if key and waiting >= WAITING_MAX:
                RECORDINGS.labels("dropped").inc()
                log.warning("recording_dropped", call_sid=call_sid, waiting=waiting)
            elif key:
                if not self._fresh:
                    asyncio.get_running_loop().call_later(GATHER_S, self._flush)
                self._fresh.append((call_sid, key, audio))

    def _flush(self) -> None:
        fresh, self._fresh = self._fresh, []
        if fresh:
            self._beside(self._encode(fresh))

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _encode(self, fresh: Sequence[tuple[str, str, Callable[[], bytes]]]) -> None:
        """In a thread: at 300 calls the frames of all of them would wait 30 ms for it."""
        for call_sid, key, data in await asyncio.to_thread(_encoded, fresh):
            self._beside(self._write(call_sid, key, data))

    async def _write(self, call_sid: str, key: str, data: bytes) -> None:
        """Idempotent: the same key receives the same bytes."""
        for pause in (*self._pauses, None):
            try:
                await self._store.put(key, data)
            except PortError as problem:
                if pause is None:
                    RECORDINGS.labels("failed").inc()
                    log.warning("recording_not_kept", call_sid=call_sid, key=key, problem=str(problem))
                    return
                await asyncio.sleep(pause)
            else:
                RECORDINGS.labels("kept").inc()
                return

    async def drained(self) -> None:
        """Returns once nothing is on its way."""
        self._flush()
        while self._writing:
            await asyncio.wait(self._writing)

    async def aclose(self) -> None:
        """Give what is on its way a moment; the rest is lost, and counted."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.drained(), CLOSING_SECONDS)
        for task in list(self._writing):
            RECORDINGS.labels("failed").inc()
            task.cancel()


def _encoded(fresh: Sequence[tuple[str, str, Callable[[], bytes]]]) -> list[tuple[str, str, bytes]]:
    return [(call_sid, key, wav(audio())) for call_sid, key, audio in fresh]


class Recorder:
    """One stream's tape, and what is kept of it."""

    __slots__ = ("_recordings", "_start", "_stream", "_turn", "tape")

    def __init__(self, start: CallStarted, stream_sid: str, recordings: Recordings) -> None:
        self._start = start
        self._stream = stream_sid[-6:]
        self._recordings = recordings
        self.tape = Tape()
        self._turn = 0

    def caller_speaks(self) -> None:
        """The model noticed speech."""
        self.tape.caller_speaks()

    def turn_began(self, number: int) -> None:
        """The caller has finished saying something."""
        self._turn = number
        self.tape.caller_stopped()

    def finished(self, turn: Turn, now: float) -> Turn:
        """A turn that is about to be reported, with the keys of its recordings, which are on their way."""
        cutting = self.tape.cut(now)
        day, sid = self._start.started_at[:10], self._start.call_sid
        # A turn in which the agent spoke alone never began: the caller has no part in it.
        sides = {"caller": bool(cutting.caller) and turn.number == self._turn, "agent": bool(turn.agent_text)}
        keys = {side: audio_key(day, sid, turn.number, side, self._stream) for side, kept in sides.items() if kept}
        audio = TurnAudio(**keys)
        self._recordings.keep(sid, audio, cutting)
        return replace(turn, audio=audio)
