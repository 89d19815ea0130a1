"""The live call: decides what happens next; knows no sockets and no clock.

Feed it every event with the time in ms of any steady clock, then run what `take_commands` returns, in order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from firstline.domain.facts import FactKind
from firstline.domain.resume import ResumeContext
from firstline.domain.turn import ToolUse, Turn
from realtime_bridge.protocol import realtime
from realtime_bridge.protocol.commands import Command, Count, Report, RunTool, ToModel, ToolAnswer, ToPhone
from realtime_bridge.protocol.playback import Playback, Utterance
from realtime_bridge.protocol.server_events import EXPECTED, field_of, usage_of
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

GREETING = "greeting"
_CONTEXT_TURNS = 2
_MAX_CHUNK_IDS = 12


@dataclass(frozen=True)
class Opening:
    """What the caller hears first: pre-rendered, so it starts at once."""

    text: str
    pieces: list[str]
    """Base64 µ-law, each at most a few hundred ms."""


@dataclass(frozen=True)
class ResumeNotes:
    """What the model is told after a break, in the call's language."""

    re_anchor: str
    answer_now: str


@dataclass(slots=True)
class _Response:
    """The model's active response."""

    id: str
    dropped: bool = False
    """Cancelled by a barge-in: what still arrives of it is not played."""


@dataclass
class CallSession:
    """One call, from the stream's start to its end."""

    stream: TwilioStream
    config: realtime.SessionConfig
    opening: Opening
    ended: bool = False
    caller_speaking: bool = False
    language: str = "en"
    _commands: list[Command] = field(default_factory=list)
    _playback: Playback = field(default_factory=Playback)
    _response: _Response | None = None
    _want_response: bool = False
    _spoken: dict[str, Spoken] = field(default_factory=dict)
    _turn: OpenTurn | None = None
    _turns_begun: int = 0
    _caller_texts: list[str] = field(default_factory=list)
    _lines: list[tuple[str, str]] = field(default_factory=list)
    _chunk_ids: list[str] = field(default_factory=list)
    _confidence: float | None = None
    _pending_tools: dict[str, RunTool] = field(default_factory=dict)
    _farewell: bool = False
    _farewell_item: str = ""
    _audio_in_ms: float = 0.0
    _greeting_heard: bool = False

    def take_commands(self) -> list[Command]:
        """What to do now, in order; empties the list."""
        commands, self._commands = self._commands, []
        return commands

    # --- what tools may know ------------------------------------------------------------------------------------------

    @property
    def transcript_pending(self) -> bool:
        """The caller's last words are not transcribed yet: the gate should wait a moment for them."""
        return self._turn is not None and self._turn.transcript_pending

    @property
    def caller_text(self) -> str:
        """The caller's words of the last turns, the present one included."""
        now = [self._turn.caller_text] if self._turn and self._turn.caller_text else []
        return " ".join((self._caller_texts + now)[-_CONTEXT_TURNS:])

    @property
    def confidence(self) -> float | None:
        """The runtime's, of the last look-up; None when nothing was looked up."""
        return self._confidence

    @property
    def chunk_ids(self) -> list[str]:
        """Passages found so far, the newest first, at most 12."""
        return self._chunk_ids[:_MAX_CHUNK_IDS]

    @property
    def lines(self) -> list[tuple[str, str]]:
        """(speaker, words as heard) of the turns closed so far and of the present one."""
        now = self._turn
        return self._lines + ([("caller", now.caller_text)] if now and now.caller_text else [])

    # --- the phone ----------------------------------------------------------------------------------------------------

    def hear(self, audio: CallerAudio) -> bytes:
        """The caller's audio, as the event that takes it to the model. The one thing that needs no decision."""
        self._audio_in_ms += audio_ms(audio)
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
        greeting = Utterance(GREETING)
        self._spoken[GREETING] = Spoken(greeting, self.opening.text)
        for piece in self.opening.pieces:
            self._play(greeting, piece, now)
        self._send_mark(self._playback.finished(greeting))
        self._commands.append(ToModel(realtime.session_update(self.config)))
        self._commands.append(Report(FactKind.STREAM_STARTED, detail=start.stream_sid))

    def _play(self, utterance: Utterance, payload: str, now: float) -> None:
        mark = self._playback.sent(utterance, audio_ms(payload), now)
        self._commands.append(ToPhone(self.stream.media(payload)))
        self._send_mark(mark)

    def _send_mark(self, name: str | None) -> None:
        if name is not None:
            self._commands.append(ToPhone(self.stream.mark(name)))

    def _mark(self, name: str, now: float) -> None:
        if not self._playback.reached(name, now) or self._playback.playing:
            return
        self._greeting_over()
        item = name.partition("#")[0]
        if self._farewell_item and item == self._farewell_item and self._spoken[item].utterance.complete:
            self._farewell_item = ""
            self._commands.append(Report(FactKind.FAREWELL_PLAYED))
        if self._response is None and not self._pending_tools:
            self._close_turn()

    def _greeting_over(self) -> None:
        """The model learns of the greeting once it was heard, or as much of it as was."""
        if self._greeting_heard or GREETING not in self._spoken:
            return
        self._greeting_heard = True
        heard = self._spoken[GREETING].heard_text
        if heard:
            self._lines.append(("agent", heard))
            self._commands.append(ToModel(realtime.assistant_said(heard)))

    # --- going on after a break ---------------------------------------------------------------------------------------

    def resume(self, context: ResumeContext, notes: ResumeNotes) -> None:
        """Take over a call from a stream that broke: the model hears what was said, not the greeting."""
        self.language = context.language
        self._lines = [(line.speaker, line.text) for line in context.lines]
        self._caller_texts = [text for speaker, text in self._lines if speaker == "caller"]
        self._chunk_ids = list(context.chunk_ids)
        self._confidence = context.confidence
        self._turns_begun = len(self._caller_texts)
        self._replay(self._lines, context.promises, context.unanswered, notes)

    def note(self, text: str) -> None:
        """Tell the model something about the call that the caller did not say."""
        self._commands.append(ToModel(realtime.system_note(text)))

    def reconnect(self, notes: ResumeNotes) -> None:
        """The model's socket was replaced: give the new session the conversation so far.

        Tools under way are forgotten: the new session never asked for them. It asks again where it must, and asking
        for the same person twice pages once.
        """
        self._response, self._want_response = None, False
        self._pending_tools.clear()
        self._audio_in_ms = 0.0
        self.caller_speaking = False
        self._commands.append(ToModel(realtime.session_update(self.config)))
        turn = self._turn
        unanswered = turn is not None and not any(spoken.utterance.complete for spoken in turn.spoken)
        lines = self._lines + (list(turn.close(self.language).spoken) if turn else [])
        self._replay(lines, [], unanswered, notes)

    def _replay(
        self, lines: Sequence[tuple[str, str]], promises: Sequence[str], unanswered: bool, notes: ResumeNotes
    ) -> None:
        says = {"caller": realtime.caller_said, "agent": realtime.assistant_said}
        self._commands += [ToModel(says[speaker](text)) for speaker, text in lines]
        note = " ".join([notes.re_anchor, *promises, *([notes.answer_now] if unanswered else [])])
        self._commands.append(ToModel(realtime.system_note(note)))
        if unanswered:
            self._want_response = True
            self._ask_if_free()

    # --- the model ----------------------------------------------------------------------------------------------------

    def model(self, event: Mapping[str, Any], now: float) -> None:
        """A server event of the Realtime protocol. Unknown ones are counted, never fatal."""
        match event.get("type"):
            case "response.output_audio.delta":
                self._audio(event, now)
            case "input_audio_buffer.speech_started":
                self._barge_in(now)
            case "input_audio_buffer.speech_stopped":
                self._speech_stopped(event, now)
            case "conversation.item.input_audio_transcription.completed":
                self._transcribed(event, str(event.get("transcript", "")), now)
            case "conversation.item.input_audio_transcription.failed":
                self._transcribed(event, "", now)
                self._commands.append(Count("transcription_failed"))
            case "response.created":
                self._response = _Response(field_of(event, "response", "id"))
                self._want_response = False
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
        response = self._response
        if response is None or response.dropped or event.get("response_id") != response.id:
            self._commands.append(Count("late_audio_dropped"))
            return
        spoken = self._item(str(event.get("item_id", "")))
        if self._turn is not None:
            self._turn.first_audio(now)
        if self._farewell:
            self._farewell, self._farewell_item = False, spoken.utterance.item_id
        self._play(spoken.utterance, str(event.get("delta", "")), now)

    def _said(self, event: Mapping[str, Any], now: float) -> None:
        if self._response is not None and not self._response.dropped:
            self._item(str(event.get("item_id", ""))).text += str(event.get("delta", ""))

    def _item(self, item_id: str) -> Spoken:
        spoken = self._spoken.get(item_id)
        if spoken is None:
            spoken = self._spoken[item_id] = Spoken(Utterance(item_id))
            if self._turn is not None:
                self._turn.spoken.append(spoken)
        return spoken

    def _barge_in(self, now: float) -> None:
        """The caller speaks: the phone falls silent within this very call, then the model is told what was heard."""
        self.caller_speaking = True
        cut = self._playback.cut(now)
        if cut is not None:
            self._commands.append(ToPhone(self.stream.clear()))
        if self._response is not None and not self._response.dropped:
            self._response.dropped = True
            self._commands.append(ToModel(realtime.response_cancel(self._response.id)))
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
            self._farewell_item = ""
            self._commands.append(Report(FactKind.FAREWELL_PLAYED))

    def _speech_stopped(self, event: Mapping[str, Any], now: float) -> None:
        self.caller_speaking = False
        self._close_turn()
        self._turns_begun += 1
        end_ms = float(event.get("audio_end_ms", self._audio_in_ms))
        since = max(0.0, self._audio_in_ms - (end_ms - realtime.SILENCE_MS))
        self._turn = OpenTurn(self._turns_begun, now, now - since, item_id=str(event.get("item_id", "")))

    def _transcribed(self, event: Mapping[str, Any], text: str, now: float) -> None:
        turn = self._turn
        if turn is not None and event.get("item_id") == turn.item_id:
            turn.transcribed(text, now)
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
            spoken = self._spoken.get(str(item.get("id", "")))
            if spoken is not None:
                self._send_mark(self._playback.finished(spoken.utterance))
        elif item.get("type") == "function_call" and item.get("status") == "completed":
            tool = RunTool(str(item.get("call_id", "")), str(item.get("name", "")), str(item.get("arguments", "")))
            self._pending_tools[tool.call_id] = tool
            if self._turn is not None:
                self._turn.tool_requested(tool.call_id, now)
            self._commands.append(tool)

    def _response_done(self, event: Mapping[str, Any]) -> None:
        response = event.get("response")
        if not isinstance(response, Mapping):
            return
        if self._turn is not None:
            self._turn.usage += usage_of(response.get("usage"))
        if self._response is not None and response.get("id") == self._response.id:
            self._response = None
        self._ask_if_free()

    # --- tools --------------------------------------------------------------------------------------------------------

    def tool_answered(self, call_id: str, answer: ToolAnswer, now: float) -> None:
        """A tool came back: the model is told, and asked to speak once it is free and the caller is silent."""
        tool = self._pending_tools.pop(call_id, None)
        if tool is None or self.ended:
            return
        if answer.confidence is not None:
            self._confidence = answer.confidence
        self._chunk_ids = [*answer.chunk_ids, *(c for c in self._chunk_ids if c not in answer.chunk_ids)]
        if self._turn is not None:
            self._note_tool(self._turn, tool, answer, now)
        self._farewell = self._farewell or answer.farewell
        self._commands.append(ToModel(realtime.tool_output(call_id, answer.output)))
        self._want_response = True
        self._ask_if_free()

    @staticmethod
    def _note_tool(turn: OpenTurn, tool: RunTool, answer: ToolAnswer, now: float) -> None:
        took = now - turn.requested_at.get(tool.call_id, now)
        turn.tool_answered(tool.call_id, ToolUse(tool.name, tool.arguments, answer.output, round(took, 1)), now)
        turn.stages.update(answer.stages)
        turn.chunk_ids += answer.chunk_ids
        turn.article_ids += [article for article in answer.article_ids if article not in turn.article_ids]
        turn.confidence = answer.confidence if answer.confidence is not None else turn.confidence
        if answer.model_confidence is not None:
            turn.model_confidence = answer.model_confidence

    def _ask_if_free(self) -> None:
        """One active response at a time. While the caller speaks nothing is asked: the end of speech asks by itself."""
        if self._want_response and self._response is None and not self._pending_tools and not self.caller_speaking:
            self._want_response = False
            self._commands.append(ToModel(realtime.response_create()))

    # --- the end ------------------------------------------------------------------------------------------------------

    def _close_turn(self) -> None:
        turn, self._turn = self._turn, None
        if turn is None:
            return
        closed = turn.close(self.language)
        if closed.caller_text:
            self._caller_texts.append(closed.caller_text)
        self._lines += closed.spoken
        if closed.caller_text or closed.agent_text or closed.tools:
            self._commands.append(Report(FactKind.TURN_FINISHED, turn=closed))

    def end(self, reason: str, now: float) -> None:
        """The stream is over, for whatever reason; harmless when repeated."""
        if self.ended:
            return
        self.ended = True
        self._playback.cut(now)
        self._close_turn()
        self._commands.append(Report(FactKind.STREAM_ENDED, detail=reason))
