"""A turn that the model's transcriber could not make out is written down again by another one, from our own recording.

The model answers sound, not transcripts; but the gate, the record of the call and a model that takes over need words.
"""

from collections.abc import Mapping
from typing import Any

from realtime_bridge.protocol.commands import Command, HearAgain
from realtime_bridge.protocol.recent_audio import RecentAudio

DOUBTFUL = -1.0
"""Mean log probability of a transcript's tokens below which it is taken for a guess; Whisper's own rule."""


class SecondHearing:
    """Decides what is worth hearing again; `recent` has the sound."""

    __slots__ = ("_commands", "_enabled", "_first", "_recent")

    def __init__(self, commands: list[Command], recent: RecentAudio, enabled: bool) -> None:
        self._commands = commands
        self._recent = recent
        self._enabled = enabled
        self._first: dict[str, str] = {}
        """Item -> what the first transcriber made of it, while the second one is at work."""

    def doubts(self, item_id: str, text: str, logprob: float | None) -> bool:
        """Whether the words of an item are worth a second hearing, which then has begun. `logprob` None: unknown."""
        understood = text.strip() and (logprob is None or logprob >= DOUBTFUL)
        if not self._enabled or understood:
            return False
        frames = self._recent.sound_of(item_id)
        if not frames:
            return False
        self._first[item_id] = text.strip()
        self._commands.append(HearAgain(item_id, frames))
        return True

    def take_first(self, item_id: str) -> str:
        """What the first transcriber made of an item that was heard again."""
        return self._first.pop(item_id, "")


def mean_logprob(event: Mapping[str, Any]) -> float | None:
    """Of a completed transcription's tokens; None where the server sent none."""
    told = event.get("logprobs")
    if not isinstance(told, list):
        return None
    values = [float(each["logprob"]) for each in told if isinstance(each, Mapping) and "logprob" in each]
    return sum(values) / len(values) if values else None
