"""The caller's audio that no model may have understood yet: what another session must be given when one is lost."""

from collections.abc import Mapping
from typing import Any

from realtime_bridge.protocol.caller_line import CallerLine
from realtime_bridge.protocol.owner import to_owner
from realtime_bridge.protocol.twilio import CallerAudio

KEPT = 150
"""Frames, 3 s: how long a model can be dead before it is noticed, and what a caller may begin to say in that time."""


class RecentAudio:
    """Frames of a line since the last utterance that was understood: 3 s of them, or all that the line holds."""

    __slots__ = ("__weakref__", "_ends", "_line", "speaking")

    def __init__(self, line: CallerLine) -> None:
        self._line = line
        line.tidy = to_owner(self._tidy)
        self._ends: dict[str, int] = {}
        """Utterance whose words are awaited -> the line's `count` at its end."""
        self.speaking = False

    def _tidy(self) -> None:
        if not self.holding:
            self._trim(KEPT)

    @property
    def holding(self) -> bool:
        """Whether an utterance is under way, or ended and is not understood yet."""
        return self.speaking or bool(self._ends)

    @property
    def frames(self) -> list[CallerAudio]:
        """In the order of their coming."""
        return list(self._line.frames)

    def sound_of(self, item_id: str) -> list[CallerAudio]:
        """An utterance whose words are awaited, with what came before it; empty when it is not known."""
        end = self._ends.get(item_id)
        return [] if end is None else self.frames[: len(self._line.frames) - (self._line.count - end)]

    def model_said(self, event: Mapping[str, Any]) -> None:
        """Whatever a session says of the caller's sound."""
        match event.get("type"):
            case "input_audio_buffer.speech_started":
                self.speaking = True
            case "input_audio_buffer.speech_stopped":
                self.speaking = False
                self._ends[str(event.get("item_id", ""))] = self._line.count
            case (
                "conversation.item.input_audio_transcription.completed"
                | "conversation.item.input_audio_transcription.failed"
            ):
                self._understood(str(event.get("item_id", "")))

    def _understood(self, item_id: str) -> None:
        """The words of an utterance came, or never will: its sound is not needed again."""
        end = self._ends.pop(item_id, None)
        if end is not None:
            self._trim(self._line.count - end)

    def _trim(self, keep: int) -> None:
        frames = self._line.frames
        for _ in range(len(frames) - keep):
            frames.popleft()

    def given_again(self) -> list[CallerAudio]:
        """Everything kept, for a session that begins now: what it understands of it, it will say itself."""
        frames = self.frames
        self._ends.clear()
        self.speaking = False
        return frames
