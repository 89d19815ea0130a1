"""Pre-rendered phrases in a live call: said at once, and told to the model as far as they were heard."""

from collections.abc import Callable
from dataclasses import dataclass

from realtime_bridge.protocol import realtime
from realtime_bridge.protocol.commands import Command, ToModel
from realtime_bridge.protocol.phrases import Phrase
from realtime_bridge.protocol.turns import Spoken
from realtime_bridge.protocol.voice import AgentVoice


@dataclass(frozen=True, slots=True)
class Heard:
    """A phrase that is over."""

    name: str
    text: str
    """The words that were heard; empty for none."""
    whole: bool
    now: float


@dataclass(frozen=True, slots=True)
class _Said:
    spoken: Spoken
    name: str
    then: Callable[[Heard], None]


class Announcer:
    """Knows which phrases are in the caller's ear and what follows once they were heard."""

    __slots__ = ("_commands", "_count", "_ids", "_voice", "_waiting")

    def __init__(self, voice: AgentVoice, commands: list[Command]) -> None:
        self._voice = voice
        self._commands = commands
        self._count = 0
        self._waiting: list[_Said] = []
        self._ids: set[str] = set()

    def owns(self, item_id: str) -> bool:
        """Whether an utterance is ours: the model has no item for it."""
        return item_id in self._ids

    @property
    def speaking(self) -> bool:
        """Whether a phrase of ours has not been heard out yet."""
        return bool(self._waiting)

    def say(self, name: str, phrase: Phrase | None, now: float, then: Callable[[Heard], None]) -> None:
        """Say it; `then` is called once, when it was heard or cut. A phrase that is missing is over at once."""
        if phrase is None or not phrase.pieces:
            then(Heard(name, "", True, now))
            return
        self._count += 1
        item_id = f"{name}-{self._count}"
        self._ids.add(item_id)
        spoken = self._voice.say(item_id, phrase.text, phrase.pieces, now)
        self._waiting.append(_Said(spoken, name, then))

    def heard(self, now: float) -> None:
        """A mark was reached: what of ours has been heard to its end is over."""
        self._over([said for said in self._waiting if said.spoken.heard_whole], now)

    def cut(self, now: float) -> None:
        """The phone fell silent for good: everything of ours is over as far as it was heard."""
        self._over(list(self._waiting), now)

    def end(self) -> None:
        """The stream is gone: nothing follows any more from what was being said."""
        self._waiting.clear()

    def _over(self, said: list[_Said], now: float) -> None:
        for each in said:
            if each not in self._waiting:
                continue  # what followed from the one before it ended the call
            self._waiting.remove(each)
            each.then(Heard(each.name, each.spoken.heard_text, each.spoken.heard_whole, now))

    def tell_model(self, heard: Heard) -> None:
        """The model learns what the caller heard, and only that."""
        if heard.text:
            self._commands.append(ToModel(realtime.assistant_said(heard.text)))
