"""Keeps the turns of a call: opens one when the caller stops, closes and reports it once its answer was heard."""

from collections.abc import Callable

from firstline.domain.facts import FactKind
from firstline.domain.resume import ResumeContext
from firstline.domain.turn import Turn, TurnTiming, Usage
from realtime_bridge.protocol.commands import CallerSpeaks, Command, Count, Report, TurnBegan
from realtime_bridge.protocol.conversation import Conversation
from realtime_bridge.protocol.turns import OpenTurn, utc


class TurnKeeper:
    """One turn at a time."""

    __slots__ = ("_begun", "_clock_zero", "_commands", "_spoke_at", "closing", "conversation", "language", "open")

    def __init__(self, conversation: Conversation, commands: list[Command], language: str, clock_zero: float) -> None:
        self._clock_zero = clock_zero
        self._spoke_at: float | None = None
        self.conversation = conversation
        self._commands = commands
        self._begun = 0
        self.closing: Callable[[OpenTurn], None] = lambda turn: None
        """Called with every turn that is about to be reported."""
        self.language = language
        self.open: OpenTurn | None = None
        """The turn under way; None before the caller's first words and once an answer was heard."""

    def take_over(self, context: ResumeContext, now: float) -> None:
        """Go on from another stream. A question it left open is the turn under way: the answer will belong to it.

        Whatever the caller has said to this stream already comes after that question, and leaves it as it is.
        """
        self.language = context.language
        owed = context.unanswered and self.open is None
        unfinished = owed and context.unfinished
        self.conversation.take_over(context, without_last=unfinished)
        self._begun = self.conversation.caller_turns
        if owed:
            self._begun += 1
            words, item_id = context.lines[-1].text if unfinished else "", f"resumed-{self._begun}"
            self.open = OpenTurn(
                self._begun, now, now, item_id, caller_text=words, transcript_pending=False, taken_over=True
            )
            self._commands.append(TurnBegan(self._begun))

    def caller_speaks(self, now: float) -> None:
        """Speech was detected: a turn begins once it is over."""
        self._spoke_at = now
        self._commands.append(CallerSpeaks())

    def begin(self, item_id: str, now: float, really_stopped_at: float) -> OpenTurn:
        """The caller has finished saying something."""
        self.close(now)
        self._begun += 1
        self.open = OpenTurn(self._begun, now, really_stopped_at, item_id, self._spoke_at)
        self._spoke_at = None
        self._commands.append(TurnBegan(self._begun))
        return self.open

    def transcribed(self, item_id: object, text: str, now: float) -> OpenTurn | None:
        """The caller's words arrived: their turn, or None when it is over.

        They are told at once: a bridge that dies must not take the question with it.
        """
        turn = self.open
        if turn is None or item_id != turn.item_id:
            self._commands.append(Count("transcript_late"))
            return None
        turn.transcribed(text, now)
        if turn.caller_text:
            said = Turn(turn.number, turn.caller_text, "", self.language)
            self._commands.append(Report(FactKind.CALLER_SAID, turn=said))
        return turn

    def typed(self, keys: int, now: float) -> None:
        """The caller entered something on the phone's keys: what it was is not written down."""
        item_id = f"keys-{self._begun}"
        self.begin(item_id, now, now)
        self.transcribed(item_id, f"[{keys} keys]", now)

    def used(self, usage: Usage) -> None:
        """Tokens of a response."""
        if self.open is not None:
            self.open.usage += usage

    def agent_alone(self, text: str, now: float) -> None:
        """The agent said something that answers nobody, and the caller heard it."""
        self._begun += 1
        timing = TurnTiming(ended_at=utc(self._clock_zero + now))
        self._finished(Turn(self._begun, "", text, self.language, timing=timing))

    def so_far(self, now: float) -> Turn | None:
        """The turn under way as if it were over, if there is one."""
        return self.open.close(self.language, now, self._clock_zero) if self.open else None

    def close(self, now: float) -> None:
        """The turn under way is over, if there is one."""
        turn, self.open = self.open, None
        if turn is not None:
            self.closing(turn)
            self._finished(turn.close(self.language, now, self._clock_zero))

    def _finished(self, turn: Turn) -> None:
        self.conversation.add(turn)
        if turn.caller_text or turn.agent_text or turn.tools:
            self._commands.append(Report(FactKind.TURN_FINISHED, turn=turn))
