"""What is due when nothing arrives: the one clock behind fillers, the live line, the ladder, keys and limits."""

from firstline.domain.facts import FactKind
from firstline.domain.gate import RuntimeCause
from realtime_bridge.protocol import realtime
from realtime_bridge.protocol.announcer import Announcer
from realtime_bridge.protocol.commands import Command, Happened, Report, ToModel
from realtime_bridge.protocol.dead_air import DeadAir, Due
from realtime_bridge.protocol.interruptions import Interruptions
from realtime_bridge.protocol.keypad import Keypad
from realtime_bridge.protocol.limits import LimitWatch
from realtime_bridge.protocol.live_line import LiveLine
from realtime_bridge.protocol.model_events import ModelEvents
from realtime_bridge.protocol.owner import to_owner
from realtime_bridge.protocol.phrases import CallPhrases
from realtime_bridge.protocol.responses import Responses
from realtime_bridge.protocol.rules import NEVER, CallRules
from realtime_bridge.protocol.runtime_words import RuntimeWords
from realtime_bridge.protocol.silence_ladder import SilenceLadder
from realtime_bridge.protocol.turn_keeper import TurnKeeper
from realtime_bridge.protocol.voice import AgentVoice


class Watch:
    """Told after every event; asked when it wants to be woken. Times are ms of the session's clock."""

    __slots__ = (
        "__weakref__", "_announcer", "_commands", "_dead_air", "_interruptions", "_keeper", "_keypad", "_ladder",
        "_limits", "_live_line", "_model", "_moving", "_phrases", "_responses", "_voice", "_was_quiet", "_words",
    )  # fmt: skip

    def __init__(
        self,
        rules: CallRules,
        phrases: CallPhrases,
        words: RuntimeWords,
        live_line: LiveLine,
        interruptions: Interruptions,
        model: ModelEvents,
        voice: AgentVoice,
        announcer: Announcer,
        responses: Responses,
        keeper: TurnKeeper,
        commands: list[Command],
    ) -> None:
        self._phrases = phrases
        self._words = words
        self._live_line = live_line
        self._interruptions = interruptions
        self._model = model
        self._voice = voice
        self._announcer = announcer
        self._responses = responses
        self._keeper = keeper
        self._commands = commands
        self._was_quiet = True
        self._moving = False
        """The caller has heard the last of us: they are being moved, or the call ends."""
        self._dead_air = DeadAir(rules, has_fillers=bool(phrases.fillers))
        self._ladder = SilenceLadder(rules.silence_step_ms, words.ask_if_there, words.end_the_silence)
        self._keypad = Keypad(to_owner(self._zero), to_owner(self._typed))
        self._limits = LimitWatch(rules, words.warn, to_owner(self._reach_limit))

    # --- what happens -------------------------------------------------------------------------------------------------

    def begin(self, now: float, age_ms: float) -> None:
        """The stream began, `age_ms` after the call."""
        self._limits.begin(now, age_ms)

    def caller_was_heard(self) -> None:
        """The caller speaks."""
        self._ladder.caller_was_heard()

    def key_pressed(self, digit: str, now: float) -> None:
        """A key on the caller's phone."""
        self._interruptions.key_pressed(now)
        self._ladder.caller_was_heard()
        self._keypad.pressed(digit, now)

    def model_speaks(self) -> None:
        """Audio of the model arrives."""
        self._dead_air.answered()

    def spent(self, usd: float, now: float) -> None:
        """A response was billed."""
        self._limits.spent(usd, now)

    # --- time ---------------------------------------------------------------------------------------------------------

    @property
    def due(self) -> float:
        """When `tick` wants to be called, as of the last `settle`; `NEVER` (infinity) when nothing is due."""
        return min(
            self._interruptions.due,
            self._dead_air.due(self._voice.quiet_at)[0],
            self._ladder.due,
            self._keypad.due,
            self._limits.due(quiet=self._was_quiet),
        )

    def tick(self, now: float) -> None:
        """Something may be due."""
        self._interruptions.tick(now)
        at, due = self._dead_air.due(self._voice.quiet_at)
        if at <= now:
            self._break_silence(due, now)
        self._ladder.tick(now)
        self._keypad.tick(now)
        self._limits.tick(now, quiet=self.quiet)

    @property
    def quiet(self) -> bool:
        """Nobody says anything."""
        agent = self._voice.playing or self._announcer.speaking or self._interruptions.undecided
        return not agent and not self._responses.caller_speaking

    def settle(self, now: float) -> None:
        """After every event: whose turn is it, and what is owed?"""
        self._watch_farewell()
        owed = self._responses.owed
        unsure = self._responses.caller_speaking or self._interruptions.undecided
        self._dead_air.wait(owed=owed and not unsure and not self._moving, tool=bool(self._responses.tools), now=now)
        self._was_quiet = self.quiet
        listening = self._was_quiet and not owed and not self._moving and not self._live_line.engaged
        self._ladder.watch(callers_turn=listening and self._keypad.due == NEVER, now=now)

    def _break_silence(self, due: Due, now: float) -> None:
        if due is Due.FILLER:
            self._dead_air.filled(now)
            self._words.fill(now)
        elif self._model.farewell:
            # The person is promised already; the words that go with it must not wait for the model.
            self._responses.mute()
            self._live_line.farewell(now)
        else:
            self._ask_for_person(RuntimeCause.DEAD_AIR, now)

    def _ask_for_person(self, cause: RuntimeCause, now: float) -> None:
        self._responses.mute()
        self._live_line.engage(cause, now)

    def _watch_farewell(self) -> None:
        """The model's last words, heard out or cut short: the caller knows, and the move must not wait."""
        spoken = self._model.farewell_spoken
        if self._moving or spoken is None or not spoken.utterance.complete:
            return
        if not self._voice.playing and not self._interruptions.undecided:
            self._moving = True
            self._commands.append(Report(FactKind.FAREWELL_PLAYED))

    # --- limits and keys ----------------------------------------------------------------------------------------------

    def _reach_limit(self, what: str, now: float) -> None:
        self._interruptions.key_pressed(now)
        self._responses.mute()
        self._moving = True
        self._words.end_at_limit(what, now)

    def _zero(self, now: float) -> None:
        self._ask_for_person(RuntimeCause.PRESSED_ZERO, now)

    def _typed(self, digits: str, now: float) -> None:
        """The model is told the digits; the transcript only how many there were."""
        self._commands.append(Happened("keys"))
        self._keeper.typed(len(digits), now)
        self._commands.append(ToModel(realtime.caller_said(self._phrases.typed.format(digits=digits))))
        self._responses.ask()
