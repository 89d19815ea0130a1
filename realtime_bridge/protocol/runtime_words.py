"""What the runtime says by itself into a call, and what follows once it was heard."""

from collections.abc import Callable

from realtime_bridge.protocol.announcer import Announcer, Heard
from realtime_bridge.protocol.commands import Command, Happened
from realtime_bridge.protocol.phrases import CallPhrases, Phrase
from realtime_bridge.protocol.turn_keeper import TurnKeeper

GOODBYE = "goodbye"
"""The stream's end after which nobody comes back."""


class RuntimeWords:
    """The greeting, fillers, prompts into silence, warnings and goodbyes: pre-rendered, in the call's language."""

    __slots__ = ("_announcer", "_commands", "_end", "_keeper", "_next_filler", "_phrases")

    def __init__(
        self,
        announcer: Announcer,
        keeper: TurnKeeper,
        phrases: CallPhrases,
        commands: list[Command],
        end: Callable[[str, float], None],
        first_filler: int,
    ) -> None:
        self._announcer = announcer
        self._keeper = keeper
        self._phrases = phrases
        self._commands = commands
        self._end = end
        self._next_filler = first_filler

    def greet(self, opening: Phrase, now: float) -> None:
        """What the stream begins with."""
        self._announcer.say("greeting", opening, now, self._tell)

    def fill(self, now: float) -> None:
        """Break a silence. Not told to the model, and no part of what the agent said."""
        filler = self._phrases.fillers[self._next_filler % len(self._phrases.fillers)]
        self._next_filler += 1
        self._commands.append(Happened("filler"))
        if self._keeper.open is not None:
            self._keeper.open.fillers += 1
        self._announcer.say("filler", filler, now, lambda heard: None)

    def ask_if_there(self, now: float) -> None:
        """The caller is silent."""
        self._commands.append(Happened("still_there"))
        self._announcer.say("still-there", self._phrases.still_there, now, self._tell)

    def end_the_silence(self, now: float) -> None:
        """The caller stays silent: goodbye, unless they speak over it."""
        self._commands.append(Happened("silence_goodbye"))
        self._announcer.say(GOODBYE, self._phrases.silence_goodbye, now, self._goodbye_unless_cut)

    def warn(self, what: str, now: float) -> None:
        """The call is near its limit of `time` or `cost`."""
        self._commands.append(Happened(f"{what}_warning"))
        self._announcer.say("limit-warning", self._phrases.limit_warning, now, self._tell)

    def end_at_limit(self, what: str, now: float) -> None:
        """The call has reached its limit: goodbye, whatever is said over it."""
        self._commands.append(Happened(f"{what}_limit"))
        self._announcer.say(GOODBYE, self._phrases.limit_goodbye, now, self._goodbye)

    def _tell(self, heard: Heard) -> None:
        """Words from outside the model: it learns of them as far as they were heard, and so does the transcript."""
        self._announcer.tell_model(heard)
        if not heard.text:
            return
        if heard.name == "greeting" or self._keeper.open is not None:
            self._keeper.conversation.agent_said(heard.text)
        else:
            self._keeper.agent_alone(heard.text, heard.now)

    def _goodbye_unless_cut(self, heard: Heard) -> None:
        self._tell(heard)
        if heard.whole:
            self._end(GOODBYE, heard.now)

    def _goodbye(self, heard: Heard) -> None:
        self._tell(heard)
        self._end(GOODBYE, heard.now)
