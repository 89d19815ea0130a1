"""The caller's audio that no model may have understood yet: what another session must be given when one is lost."""

from collections import deque
from collections.abc import Mapping
from typing import Any

from realtime_bridge.protocol.twilio import CallerAudio

KEPT = 150
"""Frames, 3 s: how long a model can be dead before it is noticed, and what a caller may begin to say in that time."""
HELD = 500
"""Frames, 10 s, while an utterance is not understood yet. A longer one loses its beginning: 130 KB a call is enough."""


class RecentAudio:
    """Frames since the last utterance that was understood, the newest 3 or 10 s of them."""

    def __init__(self) -> None:
        self._frames: deque[CallerAudio] = deque(maxlen=HELD)
        self._count = 0
        """Frames ever added."""
        self._ends: dict[str, int] = {}
        """Utterance whose words are awaited -> `_count` at its end."""
        self.speaking = False

    def add(self, frame: CallerAudio) -> None:
        """20 ms came."""
        frames = self._frames
        frames.append(frame)
        self._count += 1
        if len(frames) > KEPT and not self.speaking and not self._ends:
            while len(frames) > KEPT:
                frames.popleft()

    @property
    def holding(self) -> bool:
        """Whether an utterance is under way, or ended and is not understood yet."""
        return self.speaking or bool(self._ends)

    @property
    def frames(self) -> list[CallerAudio]:
        """In the order of their coming."""
        return list(self._frames)

    def sound_of(self, item_id: str) -> list[CallerAudio]:
        """An utterance whose words are awaited, with what came before it; empty when it is not known."""
        end = self._ends.get(item_id)
        return [] if end is None else self.frames[: len(self._frames) - (self._count - end)]

    def model_said(self, event: Mapping[str, Any]) -> None:
        """Whatever a session says of the caller's sound."""
        match event.get("type"):
            case "input_audio_buffer.speech_started":
                self.speaking = True
            case "input_audio_buffer.speech_stopped":
                self.speaking = False
                self._ends[str(event.get("item_id", ""))] = self._count
            case (
                "conversation.item.input_audio_transcription.completed"
                | "conversation.item.input_audio_transcription.failed"
            ):
                self._understood(str(event.get("item_id", "")))

    def _understood(self, item_id: str) -> None:
        """The words of an utterance came, or never will: its sound is not needed again."""
        end = self._ends.pop(item_id, None)
        if end is not None:
            self._trim(self._count - end)

    def _trim(self, keep: int) -> None:
        while len(self._frames) > keep:
            self._frames.popleft()

    def given_again(self) -> list[CallerAudio]:
        """Everything kept, for a session that begins now: what it understands of it, it will say itself."""
        frames = self.frames
        self._ends.clear()
        self.speaking = False
        return frames
