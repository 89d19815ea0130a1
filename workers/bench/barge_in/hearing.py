"""What our own speech server makes of a sound: its real detector and transcriber, on a clock of the recording's own."""

import heapq
from collections.abc import Callable
from itertools import count
from typing import Any

import orjson

from firstline.speech.audio import AudioFormat, Samples, encode
from firstline.speech.commands import Send, Transcribe
from firstline.speech.engine import SpeechEngine
from firstline.speech.session import Session
from realtime_bridge.protocol import realtime

FRAME_MS = 20
TRANSCRIBE_MS = 250.0
"""From a stretch of sound to its words: what the packaged Whisper takes for a short one on two quiet cores."""


def heard(engine: SpeechEngine, line: Samples) -> list[tuple[float, dict[str, Any]]]:
    """(ms since the line's beginning, server event), in order, of a caller who sends this line in real time."""
    numbers = count(1)
    session = Session("bench", engine.speech_probability(), lambda prefix: f"{prefix}_{next(numbers)}")
    session.receive(orjson.loads(realtime.session_update(realtime.SessionConfig("", [], "en"))))
    session.take_commands()
    events: list[tuple[float, dict[str, Any]]] = []
    written: list[tuple[float, int, Callable[[], None]]] = []
    data = encode(line, AudioFormat.PCMU)
    for at in range(0, len(data), FRAME_MS * 8):
        now = at / 8 + FRAME_MS
        session.turns.append(data[at : at + FRAME_MS * 8])
        while written and written[0][0] <= now:
            heapq.heappop(written)[2]()
        for command in session.take_commands():
            if isinstance(command, Send):
                events.append((now, command.event))
            elif isinstance(command, Transcribe):
                words = engine.transcriber.read(command.samples, command.rate, command.language, command.prompt)
                ticket = command.ticket
                done = lambda ticket=ticket, words=words: session.transcribed(ticket, words)  # noqa: E731
                heapq.heappush(written, (now + TRANSCRIBE_MS, ticket, done))
    return events
