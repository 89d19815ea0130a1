"""The live line: the runtime, not the model, asks for a person, and the caller is told in words made beforehand."""

from collections.abc import Callable

from firstline.domain.facts import FactKind
from firstline.domain.gate import RuntimeCause
from realtime_bridge.protocol.announcer import Announcer, Heard
from realtime_bridge.protocol.commands import AskForPerson, Command, Happened, Report
from realtime_bridge.protocol.phrases import CallPhrases


class LiveLine:
    """Asked for once in a call; from then on the model has no more say."""

    __slots__ = ("_announcer", "_commands", "_end", "_phrases", "engaged")

    def __init__(
        self, announcer: Announcer, phrases: CallPhrases, commands: list[Command], end: Callable[[str, float], None]
    ) -> None:
        self._announcer = announcer
        self._phrases = phrases
        self._commands = commands
        self._end = end
        self.engaged = False

    def engage(self, cause: RuntimeCause, now: float) -> None:
        """Ask, and say so. That stays true whatever becomes of it: people answer the failsafe queue, too."""
        if self.engaged:
            return
        self.engaged = True
        self._commands += [Happened(f"live_line_{cause.value}"), AskForPerson(cause)]
        self._announcer.say("live-line", self._phrases.getting_person, now, self._announcer.tell_model)

    def answered(self, accepted: bool, now: float) -> None:
        """The control plane took the promise, or did not."""
        if accepted:
            self.farewell(now)
        else:
            self._commands.append(Happened("live_line_unavailable"))
            self._announcer.say("no-person", self._phrases.no_person, now, self._give_up)

    def farewell(self, now: float) -> None:
        """The last words before the caller is moved."""
        self.engaged = True
        self._announcer.say("connecting", self._phrases.connecting, now, self._moved)

    def _moved(self, heard: Heard) -> None:
        self._commands.append(Report(FactKind.FAREWELL_PLAYED))

    def _give_up(self, heard: Heard) -> None:
        # The stream's end makes the carrier ask what is next: another bridge, or the failsafe queue.
        self._end("no_person", heard.now)
