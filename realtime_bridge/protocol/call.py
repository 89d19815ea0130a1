"""The live call: decides what happens next; knows no sockets and no clock.

Feed it every event with the time in ms of any steady clock, then run what `take_commands` returns, in order.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from firstline.domain.facts import FactKind
from firstline.domain.resume import ResumeContext
from firstline.domain.turn import Turn
from realtime_bridge.protocol import realtime
from realtime_bridge.protocol.commands import Command, Count, Report, RunTool, ToModel, ToolAnswer
from realtime_bridge.protocol.conversation import Conversation
from realtime_bridge.protocol.playback import Utterance
from realtime_bridge.protocol.replay import ResumeNotes, replayed
from realtime_bridge.protocol.responses import Responses
from realtime_bridge.protocol.server_events import EXPECTED, field_of, usage_of
from realtime_bridge.protocol.speculation import Speculation
from realtime_bridge.protocol.turns import OpenTurn, Spoken
from realtime_bridge.protocol.twilio import (
    CallerAudio,
    DigitPressed,
    MarkReached,
    PhoneEvent,
    StreamStarted,
    StreamStopped,
    TwilioStream,
    audio_ms,
)
from realtime_bridge.protocol.voice import AgentVoice

GREETING = "greeting"


@dataclass(frozen=True)
class Opening:
    """What the caller hears first: pre-rendered, so it starts at once."""

    text: str
    pieces: list[str]
    """Base64 µ-law, each at most a few hundred ms."""


@dataclass
class CallSession:
    """One call, from the stream's start to its end."""

    stream: TwilioStream
    config: realtime.SessionConfig
    opening: Opening
    ended: bool = False
    language: str = "en"
    speculate: bool = True
    """Whether the help centre is searched while the caller still speaks."""
    audio_in_ms: float = 0.0
    """How much the caller has sent: the model's clock."""
    _commands: list[Command] = field(default_factory=list)
    _conversation: Conversation = field(default_factory=Conversation)
    _turn: OpenTurn | None = None
    _turns_begun: int = 0
    _farewell: bool = False
    _farewell_item: str = ""
    _greeting_heard: bool = False

    def __post_init__(self) -> None:
        self._voice = AgentVoice(self.stream, self._commands)
        self._responses = Responses(self._commands)
        self._ahead = Speculation(self._commands, self.speculate)

    def take_commands(self) -> list[Command]:
        """What to do now, in order; empties the list."""
        commands = self._commands.copy()
        self._commands.clear()
        return commands

    # --- what tools may know ------------------------------------------------------------------------------------------

    @property
    def caller_speaking(self) -> bool:
        """Whether the caller is in the middle of saying something."""
        return self._responses.caller_speaking

    @property
    def transcript_pending(self) -> bool:
        """The caller's last words are not transcribed yet: the gate should wait a moment for them."""
        return self._turn is not None and self._turn.transcript_pending

    @property
    def caller_text(self) -> str:
        """The caller's words of the last turns, the present one included."""
        return self._conversation.lately_said(self._turn.caller_text if self._turn else "")

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
        now = self._turn
        return self._conversation.lines + ([("caller", now.caller_text)] if now and now.caller_text else [])

    # --- the phone ----------------------------------------------------------------------------------------------------

    def hear(self, audio: CallerAudio) -> bytes:
        """The caller's audio, as the event that takes it to the model. The one thing that needs no decision."""
        self.audio_in_ms += audio_ms(audio)
        return realtime.append_audio(audio)

    def phone(self, event: PhoneEvent, now: float) -> None:
        """Something but audio came from the carrier."""
        match event:
            case MarkReached(name):
                self._mark(name, now)
            case StreamStarted():
                self._begin(event, now)
            case DigitPressed():
                self._commands.append(Count("digit_ignored"))
            case StreamStopped():
                self.end("caller_hung_up", now)

    def _begin(self, start: StreamStarted, now: float) -> None:
        self._voice.say(GREETING, self.opening.text, self.opening.pieces, now)
        self._commands.append(ToModel(realtime.session_update(self.config)))
        self._commands.append(Report(FactKind.STREAM_STARTED, detail=start.stream_sid))

    def _mark(self, name: str, now: float) -> None:
        heard = self._voice.reached(name, now)
        if heard is None or self._voice.playing:
            return
        self._greeting_over()
        if heard.utterance.item_id == self._farewell_item and heard.utterance.complete:
            self._farewell_over()
        if self._responses.idle:
            self._close_turn()

    def _greeting_over(self) -> None:
        """The model learns of the greeting once it was heard, or as much of it as was."""
        if self._greeting_heard or GREETING not in self._voice.spoken:
            return
        self._greeting_heard = True
        heard = self._voice.spoken[GREETING].heard_text
        if heard:
            self._conversation.agent_said(heard)
            self._commands.append(ToModel(realtime.assistant_said(heard)))

    def _farewell_over(self) -> None:
        self._farewell_item = ""
        self._commands.append(Report(FactKind.FAREWELL_PLAYED))

    # --- going on after a break ---------------------------------------------------------------------------------------

    def resume(self, context: ResumeContext, notes: ResumeNotes) -> None:
        """Take over a call from a stream that broke: the model hears what was said, not the greeting."""
        self.language = context.language
        self._conversation.take_over(context)
        self._turns_begun = self._conversation.caller_turns
        self._commands += replayed(self._conversation.lines, context.promises, context.unanswered, notes)
        if context.unanswered:
            self._responses.ask()

    def note(self, text: str) -> None:
        """Tell the model something about the call that the caller did not say."""
        self._commands.append(ToModel(realtime.system_note(text)))

    def reconnect(self, notes: ResumeNotes) -> None:
        """The model's socket was replaced: give the new session the conversation so far.

        Tools under way are forgotten: the new session never asked for them. It asks again where it must, and asking
        for the same person twice pages once.
        """
        self._responses.forget()
        self.audio_in_ms = 0.0
        self._commands.append(ToModel(realtime.session_update(self.config)))
        turn = self._turn
        unanswered = turn is not None and not any(spoken.utterance.complete for spoken in turn.spoken)
        lines = self._conversation.lines + (list(turn.close(self.language).spoken) if turn else [])
        self._commands += replayed(lines, [], unanswered, notes)
        self._ahead.replaced(turn)
        if unanswered:
            self._responses.ask()

    # --- the model ----------------------------------------------------------------------------------------------------

    def model(self, event: Mapping[str, Any], now: float) -> None:
        """A server event of the Realtime protocol. Unknown ones are counted, never fatal."""
        match event.get("type"):
            case "response.output_audio.delta":
                self._audio(event, now)
            case "input_audio_buffer.speech_started":
                self._speech_started(event, now)
            case "input_audio_buffer.speech_stopped":
                self._speech_stopped(event, now)
            case "conversation.item.input_audio_transcription.delta":
                self._ahead.heard(event.get("item_id"), str(event.get("delta", "")), now)
            case "conversation.item.input_audio_transcription.completed":
                self._transcribed(event, str(event.get("transcript", "")), now)
            case "conversation.item.input_audio_transcription.failed":
                self._transcribed(event, "", now)
                self._commands.append(Count("transcription_failed"))
            case "response.created":
                self._responses.created(field_of(event, "response", "id"))
            case "response.output_audio_transcript.delta":
                self._said(event, now)
            case "response.output_item.done":
                self._item_done(event, now)
            case "response.done":
                self._response_done(event)
            case "error":
                self._commands.append(
                    Count("model_error", field_of(event, "error", "code") or field_of(event, "error", "type"))
                )
            case kind if kind not in EXPECTED:
                self._commands.append(Count("model_event_unknown", str(kind)))

    def _audio(self, event: Mapping[str, Any], now: float) -> None:
        if not self._responses.speaks(event.get("response_id")):
            self._commands.append(Count("late_audio_dropped"))
            return
        spoken = self._item(str(event.get("item_id", "")))
        if self._turn is not None and self._turn.first_audio_at is None:
            self._turn.first_audio(now)
            self._ahead.drop(now)
        if self._farewell:
            self._farewell, self._farewell_item = False, spoken.utterance.item_id
        self._voice.play(spoken.utterance, str(event.get("delta", "")), now)

    def _said(self, event: Mapping[str, Any], now: float) -> None:
        active = self._responses.active
        if active is not None and not active.dropped:
            self._item(str(event.get("item_id", ""))).text += str(event.get("delta", ""))

    def _item(self, item_id: str) -> Spoken:
        spoken = self._voice.spoken.get(item_id)
        if spoken is None:
            spoken = self._voice.spoken[item_id] = Spoken(Utterance(item_id))
            if self._turn is not None:
                self._turn.spoken.append(spoken)
        return spoken

    def _speech_started(self, event: Mapping[str, Any], now: float) -> None:
        self._barge_in(now)
        self._ahead.begin(str(event.get("item_id", "")), self._turn, now)

    def _barge_in(self, now: float) -> None:
        """The caller speaks: the phone falls silent within this very call, then the model is told what was heard."""
        self._responses.caller_speaking = True
        cut = self._voice.cut(now)
        self._responses.cancel()
        if cut is None:
            return
        if self._turn is not None:
            self._turn.interrupted = True
        if cut.item_id == GREETING:
            self._greeting_over()
        else:
            self._commands.append(ToModel(realtime.truncate(cut.item_id, cut.heard_ms)))
        if self._farewell_item:
            # Cut short or not, the caller knows: the move must not wait for words that will never play.
            self._farewell_over()

    def _speech_stopped(self, event: Mapping[str, Any], now: float) -> None:
        self._responses.caller_speaking = False
        self._close_turn()
        self._turns_begun += 1
        end_ms = float(event.get("audio_end_ms", self.audio_in_ms))
        since = max(0.0, self.audio_in_ms - (end_ms - realtime.SILENCE_MS))
        self._turn = OpenTurn(self._turns_begun, now, now - since, item_id=str(event.get("item_id", "")))
        self._ahead.stopped(self._turn)
        if self._turn.quoted is not None:
            quoted = self._turn.quoted.answer
            self._conversation.found(quoted.chunk_ids, quoted.confidence)

    def _transcribed(self, event: Mapping[str, Any], text: str, now: float) -> None:
        turn = self._turn
        if turn is not None and event.get("item_id") == turn.item_id:
            turn.transcribed(text, now)
            if turn.first_audio_at is None:
                self._ahead.transcribed(turn.item_id, turn.caller_text, now)
            if turn.caller_text:
                said = Turn(turn.number, turn.caller_text, "", self.language)
                self._commands.append(Report(FactKind.CALLER_SAID, turn=said))
        else:
            self._commands.append(Count("transcript_late"))

    def _item_done(self, event: Mapping[str, Any], now: float) -> None:
        item = event.get("item")
        if not isinstance(item, Mapping):
            return
        if item.get("type") == "message":
            spoken = self._voice.spoken.get(str(item.get("id", "")))
            if spoken is not None:
                self._voice.finished(spoken.utterance)
        elif item.get("type") == "function_call" and item.get("status") == "completed":
            tool = RunTool(str(item.get("call_id", "")), str(item.get("name", "")), str(item.get("arguments", "")))
            if self._turn is not None:
                self._turn.tool_requested(tool.call_id, now)
            self._responses.expect(tool)
            known = self._ahead.asked(tool, self._turn, now)
            if known is not None:
                self.tool_answered(tool.call_id, known, now)

    def _response_done(self, event: Mapping[str, Any]) -> None:
        response = event.get("response")
        if not isinstance(response, Mapping):
            return
        if self._turn is not None:
            self._turn.usage += usage_of(response.get("usage"))
        self._responses.done(response.get("id"))

    # --- tools --------------------------------------------------------------------------------------------------------

    def tool_answered(self, call_id: str, answer: ToolAnswer, now: float) -> None:
        """A tool came back: the model is told, and asked to speak once it is free and the caller is silent."""
        tool = self._responses.tools.pop(call_id, None)
        if tool is None or self.ended:
            return
        self._conversation.found(answer.chunk_ids, answer.confidence)
        if self._turn is not None:
            self._turn.tool_answered(tool, answer, now)
        self._farewell = self._farewell or answer.farewell
        self._commands.append(ToModel(realtime.tool_output(call_id, answer.output)))
        self._responses.ask()

    def searched(self, search_id: int, answer: ToolAnswer, now: float) -> None:
        """A `Search` came back."""
        if self.ended:
            return
        call_id = self._ahead.waiting_call
        known = self._ahead.found(search_id, answer, self._turn, now)
        if known is not None:
            self.tool_answered(call_id, known, now)

    def search_failed(self, search_id: int, now: float) -> None:
        """A `Search` broke; the model is told only if it asks for the same."""
        if not self.ended:
            self._ahead.failed(search_id, now)

    # --- the end ------------------------------------------------------------------------------------------------------

    def _close_turn(self) -> None:
        turn, self._turn = self._turn, None
        if turn is None:
            return
        self._ahead.settle(turn)
        closed = turn.close(self.language)
        self._conversation.add(closed)
        if closed.caller_text or closed.agent_text or closed.tools:
            self._commands.append(Report(FactKind.TURN_FINISHED, turn=closed))

    def end(self, reason: str, now: float) -> None:
        """The stream is over, for whatever reason; harmless when repeated."""
        if self.ended:
            return
        self.ended = True
        self._voice.end(now)
        self._close_turn()
        self._commands.append(Report(FactKind.STREAM_ENDED, detail=reason))
