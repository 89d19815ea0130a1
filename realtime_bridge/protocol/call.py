"""The live call: decides what happens next; knows no sockets and no clock.

Feed it every event with the time in ms of any steady clock, then run what `take_commands` returns, in order. Call
`tick` when `wakes_at` has come; it changes with every event.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from firstline.domain.facts import FactKind
from firstline.domain.passages import SearchResult
from firstline.domain.resume import ResumeContext
from firstline.domain.turn import Usage
from realtime_bridge.protocol import realtime
from realtime_bridge.protocol.announcer import Announcer
from realtime_bridge.protocol.barge_in import BargeIn
from realtime_bridge.protocol.caller_line import CallerLine
from realtime_bridge.protocol.commands import Command, Configure, Report, ToModel, ToolAnswer
from realtime_bridge.protocol.conversation import Conversation
from realtime_bridge.protocol.interruptions import Interruptions
from realtime_bridge.protocol.live_line import LiveLine
from realtime_bridge.protocol.model_events import ModelEvents
from realtime_bridge.protocol.owner import to_owner
from realtime_bridge.protocol.phrases import CallPhrases, Phrase
from realtime_bridge.protocol.pulse import Pulse
from realtime_bridge.protocol.recent_audio import RecentAudio
from realtime_bridge.protocol.replay import ResumeNotes, replayed, under_way
from realtime_bridge.protocol.responses import Responses
from realtime_bridge.protocol.rules import NEVER, CallRules
from realtime_bridge.protocol.runtime_words import RuntimeWords
from realtime_bridge.protocol.second_hearing import SecondHearing
from realtime_bridge.protocol.server_events import NEEDS_NOTHING, WORDS
from realtime_bridge.protocol.speculation import Speculation
from realtime_bridge.protocol.turn_keeper import TurnKeeper
from realtime_bridge.protocol.twilio import (
    DigitPressed,
    MarkReached,
    PhoneEvent,
    StreamStarted,
    StreamStopped,
    TwilioStream,
)
from realtime_bridge.protocol.voice import AgentVoice
from realtime_bridge.protocol.watch import Watch


class CallSession:
    """One call, from the stream's start to its end."""

    __slots__ = (
        "__weakref__", "_age_ms", "_ahead", "_announcer", "_commands", "_conversation", "_due", "_happened",
        "_interruptions", "_keeper", "_live_line", "_model", "_note_of_call", "_opening", "_pulse", "_recent",
        "_responses", "_voice", "_watch", "_words", "config", "ended", "line",
    )  # fmt: skip

    def __init__(
        self,
        stream: TwilioStream,
        config: realtime.SessionConfig,
        opening: Phrase,
        *,
        note_of_call: str = "",
        language: str = "en",
        speculate: bool = True,
        second_hearing: bool = False,
        phrases: CallPhrases | None = None,
        rules: CallRules | None = None,
        price: Callable[[Usage], float | None] | None = None,
        age_ms: float = 0.0,
        clock_zero: float = 0.0,
    ) -> None:
        """`note_of_call` is what the model must know of this call alone, `age_ms` how long the call has lasted.

        `speculate` searches while the caller speaks; `second_hearing` writes down what the model could not make out;
        `price` is what a response costs in USD, None where that is unknown; `clock_zero` is when the clock was 0, in ms
        since 1970.
        """
        self._age_ms = age_ms
        self.config = config
        self.ended = False
        self._due = NEVER
        self._happened = False
        """Something happened since `take_commands`."""
        self._opening = opening
        self._note_of_call = note_of_call
        self.line = CallerLine(stream.stream_sid)
        """Every frame of the caller goes there and is none of the session's business: it needs no decision."""
        self._recent = RecentAudio(self.line)
        phrases = phrases or CallPhrases()
        rules = rules or CallRules()
        self._commands: list[Command] = []
        self._voice = AgentVoice(stream, self._commands)
        self._announcer = Announcer(self._voice, self._commands)
        self._conversation = Conversation()
        self._keeper = TurnKeeper(self._conversation, self._commands, language, clock_zero)
        self._responses = Responses(self._commands, partial(realtime.server_answers, config))
        self._pulse = Pulse(self._commands)
        self._ahead = Speculation(self._commands, speculate)
        self._model = self._model_events(price, second_hearing=second_hearing)
        self._interruptions = self._interruptions_by(rules)
        first_filler = sum(stream.stream_sid.encode())  # so that calls begin with different ones
        end = to_owner(self.end)
        self._words = RuntimeWords(self._announcer, self._keeper, phrases, self._commands, end, first_filler)
        self._live_line = LiveLine(self._announcer, phrases, self._commands, end)
        self._watch = self._watch_by(rules, phrases)

    def _model_events(self, price: Callable[[Usage], float | None] | None, *, second_hearing: bool) -> ModelEvents:
        return ModelEvents(
            self.line,
            self._voice,
            self._responses,
            self._keeper,
            self._ahead,
            self._commands,
            price,
            self.config.model.silence_ms,
            SecondHearing(self._commands, self._recent, second_hearing),
        )

    def _interruptions_by(self, rules: CallRules) -> Interruptions:
        return Interruptions(
            BargeIn(rules.barge_in_after_ms),
            self._voice,
            self._announcer,
            self._responses,
            self._keeper,
            self._ahead,
            self._commands,
            to_owner(self._handle),
        )

    def _watch_by(self, rules: CallRules, phrases: CallPhrases) -> Watch:
        return Watch(
            rules,
            phrases,
            self._words,
            self._live_line,
            self._interruptions,
            self._model,
            self._voice,
            self._announcer,
            self._responses,
            self._keeper,
            self._commands,
        )

    @property
    def stirred(self) -> bool:
        """Whether anything happened since `take_commands` that asks for something to be done, or to wake sooner."""
        return self._happened or bool(self._commands)

    def take_commands(self) -> list[Command]:
        """What to do now, in order; empties the list."""
        self._happened = False
        commands = self._commands.copy()
        self._commands.clear()
        return commands

    # --- what tools may know ------------------------------------------------------------------------------------------

    @property
    def language(self) -> str:
        """ISO 639-1."""
        return self._keeper.language

    @property
    def caller_speaking(self) -> bool:
        """Whether the caller is in the middle of saying something."""
        return self._responses.caller_speaking

    @property
    def transcript_pending(self) -> bool:
        """The caller's last words are not transcribed yet: the gate should wait a moment for them."""
        return self._keeper.open is not None and self._keeper.open.transcript_pending

    @property
    def caller_text(self) -> str:
        """The caller's words of the last turns, the present one included."""
        return self._conversation.lately_said(self._keeper.open.caller_text if self._keeper.open else "")

    @property
    def confidence(self) -> float | None:
        """The runtime's, of the last look-up; None when nothing was looked up."""
        return self._conversation.confidence

    @property
    def chunk_ids(self) -> list[str]:
        """Passages found so far, the newest first, at most 12."""
        return self._conversation.chunk_ids

    @property
    def lines(self) -> list[tuple[str, str]]:
        """(speaker, words as heard) of the turns closed so far and of the present one."""
        now = self._keeper.open
        return self._conversation.lines + ([("caller", now.caller_text)] if now and now.caller_text else [])

    # --- the phone ----------------------------------------------------------------------------------------------------

    def phone(self, event: PhoneEvent, now: float) -> None:
        """Something but audio came from the carrier."""
        match event:
            case MarkReached(name):
                phrase = self._announcer.speaking
                self._mark(name, now)
                if self._voice.playing and not phrase:
                    return  # the model's answer goes on
            case StreamStarted():
                self._begin(event, now)
            case DigitPressed(digit):
                self._watch.key_pressed(digit, now)
            case StreamStopped():
                self.end("caller_hung_up", now)
        self._settle(now)

    def _begin(self, start: StreamStarted, now: float) -> None:
        self._words.greet(self._opening, now)
        self._configure()
        self._commands.append(Report(FactKind.STREAM_STARTED, detail=start.stream_sid))
        self._watch.begin(now, self._age_ms)

    def _configure(self) -> None:
        self._commands.append(Configure(realtime.session_update(self.config)))
        if self._note_of_call:
            self.note(self._note_of_call)

    def _mark(self, name: str, now: float) -> None:
        if not self._voice.reached(name, now):
            return
        self._announcer.heard(now)
        # A phrase of ours that was heard while the model's answer is awaited ends no turn.
        if not self._voice.playing and self._responses.idle and not self._responses.owed:
            self._keeper.close(now)

    # --- going on after a break ---------------------------------------------------------------------------------------

    def resume(self, context: ResumeContext, notes: ResumeNotes, now: float) -> None:
        """Take over a call from a stream that broke: the model hears what was said and found."""
        self._keeper.take_over(context, now)
        lines = [(line.speaker, line.text) for line in context.lines]
        self._commands += replayed(lines, context.promises, context.unanswered, notes, context.tools)
        if context.unanswered:
            self._responses.ask()
        self._settle(now)

    def note(self, text: str) -> None:
        """Tell the model something about the call that the caller did not say."""
        self._commands.append(ToModel(realtime.system_note(text)))

    def reconnect(self, notes: ResumeNotes, now: float) -> None:
        """The model's session was replaced: give the new one the conversation so far.

        Tools under way become its own calls, with their answers to come. What the caller said and no model understood
        yet is sent again: whoever hears it begins to answer by itself.
        """
        self._model.session_lost = False
        self._responses.begin_session()
        self._interruptions.go_on(now)
        turn, speaking, unheard = self._keeper.open, self._responses.caller_speaking, self._recent.holding
        unanswered = turn is not None and not any(spoken.utterance.complete for spoken in turn.spoken)
        self._responses.forget()
        self._pulse.alive()
        self._voice.forget_model()
        self._configure()
        lines, tools = self._conversation.with_open(self._keeper.so_far(now))
        self._commands += replayed(lines, [], unanswered and not unheard, notes, tools)
        self._commands += under_way(self._responses.tools.values())
        self._ahead.replaced(turn)
        self._hear_again()
        if unheard:
            self._responses.expected = not speaking
        elif unanswered:
            self._responses.ask()
        self._settle(now)

    def _hear_again(self) -> None:
        again = self._recent.given_again()
        self._commands += [ToModel(realtime.append_audio(frame)) for frame in again]
        self.line.begin_again(again)

    # --- the model ----------------------------------------------------------------------------------------------------

    def model(self, event: Mapping[str, Any], now: float) -> None:
        """A server event of the Realtime protocol. Unknown ones are counted, never fatal."""
        if self._model.session_lost:
            return
        self._pulse.alive()
        kind = str(event.get("type"))
        if kind == "response.output_audio.delta" and self._goes_on(event, now):
            return
        if kind in WORDS and not self._interruptions.undecided:
            self._model.handle(event, now)
            return
        if kind in NEEDS_NOTHING:
            if kind == "session.updated":
                self._responses.configured(event)
            return
        if not self._interruptions.takes(event, now):
            self._handle(event, now)
        self._recent.model_said(event)  # only now: the sound of doubtful words is heard again
        self._settle(now)

    def _goes_on(self, event: Mapping[str, Any], now: float) -> bool:
        """More of what the caller is hearing, most of what a model sends: it is played and changes nothing else."""
        if not self._voice.playing or self._interruptions.undecided or not self._model.goes_on(event, now):
            return False
        self._watch.model_speaks()
        return True

    def _handle(self, event: Mapping[str, Any], now: float) -> None:
        kind = event.get("type")
        if kind == "input_audio_buffer.speech_started":
            self._watch.caller_was_heard()
            item_id = str(event.get("item_id", ""))
            self._interruptions.caller_sounds(item_id, now)
            self._keeper.caller_speaks(now)  # after that: a sound before this one may have been a turn
            self._ahead.begin(item_id, self._keeper.open, now)
            return
        if kind == "response.output_audio.delta":
            self._watch.model_speaks()
        self._model.handle(event, now)
        if kind == "response.done":
            self._watch.spent(self._model.take_cost(), now)

    def model_pulse(self, now: float, *, alive: bool) -> None:
        """The model's session answered a ping; or it is ready, and nothing came of it for half a second and more."""
        if alive:
            self._pulse.alive()
        elif not self.ended:
            self._pulse.silent(now)
            self._due = min(self._due, self._pulse.due)

    def tool_answered(self, call_id: str, answer: ToolAnswer, now: float) -> None:
        """A tool came back: the model is told, and asked to speak once it is free and the caller is silent."""
        if not self.ended:
            self._model.tool_answered(call_id, answer, now)
            self._settle(now)

    def searched(self, search_id: int, result: SearchResult, now: float) -> None:
        """A `Search` came back."""
        if not self.ended and self._model.searched(search_id, result, now):
            self._settle(now)

    def heard_again(self, item_id: str, text: str | None, now: float) -> None:
        """A `HearAgain` came back; None when nothing was made out."""
        if not self.ended:
            self._model.heard_again(item_id, text, now)
            self._settle(now)

    def search_failed(self, search_id: int, now: float) -> None:
        """A `Search` broke; the model is told only if it asks for the same."""
        if not self.ended:
            self._ahead.failed(search_id, now)

    def person_answered(self, accepted: bool, now: float) -> None:
        """The control plane's answer to `AskForPerson`."""
        if not self.ended:
            self._live_line.answered(accepted, now)
            self._settle(now)

    # --- time ---------------------------------------------------------------------------------------------------------

    @property
    def wakes_at(self) -> float:
        """When `tick` wants to be called; `NEVER` (infinity) when nothing is due. It may be called too early."""
        return NEVER if self.ended else self._due

    def tick(self, now: float) -> None:
        """`wakes_at` has come. Harmless when it has not."""
        if self.ended:
            return
        self._due = min(self._watch.due, self._pulse.due)
        if self._due <= now:
            self._watch.tick(now)
            self._pulse.tick(now)
            self._settle(now)

    def _settle(self, now: float) -> None:
        self._happened = True
        if not self.ended:
            self._watch.settle(now)
            self._pulse.wait(owed=self._responses.owed_by_model, now=now)
            self._due = min(self._watch.due, self._pulse.due)

    @property
    def between_turns(self) -> bool:
        """Nobody says anything and nothing is owed: another model session may take over, and nobody hears it."""
        return self._watch.quiet and not self._responses.owed and self._keeper.open is None and not self._recent.holding

    # --- the end ------------------------------------------------------------------------------------------------------

    def end(self, reason: str, now: float) -> None:
        """The stream is over, for whatever reason; harmless when repeated."""
        if self.ended:
            return
        self.ended = True
        self._voice.end(now)
        self._announcer.end()
        self._keeper.close(now)
        self._commands.append(Report(FactKind.STREAM_ENDED, detail=reason))
