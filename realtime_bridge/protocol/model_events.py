"""What the model does in a call: its words go to the phone, its tools beside the loop, its tokens into the turn."""

from collections.abc import Callable, Mapping
from typing import Any

from firstline.domain.passages import SearchResult
from firstline.domain.turn import Usage
from realtime_bridge.protocol import faults, realtime
from realtime_bridge.protocol.caller_line import CallerLine
from realtime_bridge.protocol.commands import Command, Count, Happened, LaneFault, RunTool, ToModel, ToolAnswer
from realtime_bridge.protocol.playback import Utterance
from realtime_bridge.protocol.responses import Responses
from realtime_bridge.protocol.second_hearing import SecondHearing, mean_logprob
from realtime_bridge.protocol.server_events import NEEDS_NOTHING, field_of, usage_of
from realtime_bridge.protocol.speculation import Speculation
from realtime_bridge.protocol.turn_keeper import TurnKeeper
from realtime_bridge.protocol.turns import OpenTurn, Spoken
from realtime_bridge.protocol.voice import AgentVoice


class ModelEvents:
    """Reads the server events of one model session after the other. Times are ms of the session's clock."""

    __slots__ = (
        "_ahead", "_commands", "_conversation", "_farewell_item", "_keeper", "_line", "_made_out", "_price",
        "_responses", "_second_hearing", "_silence_ms", "_unanswered", "_usd", "_voice", "farewell", "session_lost",
    )  # fmt: skip

    def __init__(
        self,
        line: CallerLine,
        voice: AgentVoice,
        responses: Responses,
        keeper: TurnKeeper,
        ahead: Speculation,
        commands: list[Command],
        price: Callable[[Usage], float | None] | None,
        silence_ms: int,
        second_hearing: SecondHearing,
    ) -> None:
        self._line = line
        self._silence_ms = silence_ms
        self._second_hearing = second_hearing
        self._unanswered = ""
        """Item of the turn that the model had no answer to."""
        self._made_out = ""
        """Item of a turn that was made out late, while the model may still answer it."""
        self._ahead = ahead
        keeper.closing = ahead.settle
        self._voice = voice
        self._responses = responses
        self._keeper = keeper
        self._conversation = keeper.conversation
        self._commands = commands
        self._price = price
        self._usd = 0.0
        self._farewell_item = ""
        self.session_lost = False
        """A `LaneFault` gave the session up: what it says behind that counts for nothing until another follows."""
        self.farewell = False
        """The next thing the agent says is its last."""

    @property
    def farewell_spoken(self) -> Spoken | None:
        """The agent's last words before the caller is moved; None until they begin."""
        return self._voice.spoken.get(self._farewell_item)

    def take_cost(self) -> float:
        """USD spent since this was last asked."""
        usd, self._usd = self._usd, 0.0
        return usd

    def handle(self, event: Mapping[str, Any], now: float) -> None:
        """Any event but the beginning of the caller's speech."""
        match event.get("type"):
            case "response.output_audio.delta":
                self._audio(event, now)
            case "input_audio_buffer.speech_stopped":
                self._speech_stopped(event, now)
            case "conversation.item.input_audio_transcription.delta":
                self._ahead.heard(event.get("item_id"), str(event.get("delta", "")), now)
            case "conversation.item.input_audio_transcription.completed":
                self._words_came(event, str(event.get("transcript", "")), now)
            case "conversation.item.input_audio_transcription.failed":
                self._words_came(event, "", now)
                self._commands.append(Count("transcription_failed"))
            case "response.created":
                self._responses.created(field_of(event, "response", "id"))
            case "response.output_audio_transcript.delta":
                self._said(event)
            case "response.output_item.done":
                self._item_done(event, now)
            case "response.done":
                self._response_done(event)
            case "error":
                self._error(event)
            case "rate_limits.updated":
                if (limit := faults.of_rate_limits(event)) is not None:
                    self._commands.append(LaneFault(limit, session_lost=False))
            case kind if kind not in NEEDS_NOTHING:
                self._commands.append(Count("model_event_unknown", str(kind)))

    def _error(self, event: Mapping[str, Any]) -> None:
        code = field_of(event, "error", "code") or field_of(event, "error", "type")
        self._commands.append(Count("model_error", code))
        if (fault := faults.of_error_event(event)) is not None:
            self._give_up(fault)

    def _give_up(self, fault: faults.Fault) -> None:
        self._commands.append(LaneFault(fault, session_lost=True))
        self.session_lost = True

    def _audio(self, event: Mapping[str, Any], now: float) -> None:
        if not self._responses.speaks(event.get("response_id")):
            self._commands.append(Count("late_audio_dropped"))
            return
        spoken = self._item(str(event.get("item_id", "")))
        if self._keeper.open is not None and self._keeper.open.first_audio_at is None:
            self._keeper.open.first_audio(now)
            self._ahead.drop(now)
        if self.farewell:
            self.farewell, self._farewell_item = False, spoken.utterance.item_id
        self._voice.play(spoken.utterance, str(event.get("delta", "")), now)

    def goes_on(self, event: Mapping[str, Any], now: float) -> bool:
        """Play audio of an item that is being said already; False where it is not, or means more than that."""
        spoken = self._voice.spoken.get(str(event.get("item_id", "")))
        if spoken is None or not spoken.utterance.sent_ms or self.farewell:
            return False
        if not self._responses.speaks(event.get("response_id")):
            return False
        self._voice.play(spoken.utterance, str(event.get("delta", "")), now)
        return True

    def _said(self, event: Mapping[str, Any]) -> None:
        if self._responses.active is not None and not self._responses.dropping:
            self._item(str(event.get("item_id", ""))).text += str(event.get("delta", ""))

    def _item(self, item_id: str) -> Spoken:
        spoken = self._voice.spoken.get(item_id)
        if spoken is None:
            spoken = self._voice.spoken[item_id] = Spoken(Utterance(item_id))
            if self._keeper.open is not None:
                self._keeper.open.spoken.append(spoken)
        return spoken

    def _speech_stopped(self, event: Mapping[str, Any], now: float) -> None:
        self._responses.caller_stopped()
        # A session's clock is the audio that it was sent.
        end_ms = float(event.get("audio_end_ms", self._line.audio_ms))
        since = max(0.0, self._line.audio_ms - (end_ms - self._silence_ms))
        turn = self._keeper.begin(str(event.get("item_id", "")), now, now - since)
        self._ahead.stopped(turn)
        if turn.quoted is not None:
            self._found(turn.quoted.answer)

    def _words_came(self, event: Mapping[str, Any], text: str, now: float) -> None:
        item_id = str(event.get("item_id", ""))
        if not self._second_hearing.doubts(item_id, text, mean_logprob(event)):
            self._transcribed(item_id, text, now)

    def heard_again(self, item_id: str, text: str | None, now: float) -> None:
        """The second transcriber's words; None when it found none. The model is asked again if it had no answer."""
        first = self._second_hearing.take_first(item_id)
        self._transcribed(item_id, text or first, now)
        if text is None or text == first:
            return
        self._commands.append(ToModel(realtime.caller_said_in(item_id, text)))
        turn = self._keeper.open
        if turn is None or turn.item_id != item_id:
            return
        if self._unanswered == item_id:
            self._ask_again()
        else:
            self._made_out = item_id

    def _ask_again(self) -> None:
        self._unanswered = self._made_out = ""
        self._responses.expected = False
        self._commands.append(Happened("asked_again"))
        self._responses.ask()

    def _transcribed(self, item_id: object, text: str, now: float) -> None:
        turn = self._keeper.transcribed(item_id, text, now)
        if turn is not None and turn.first_audio_at is None:
            self._ahead.transcribed(item_id, turn.caller_text, now)

    def _item_done(self, event: Mapping[str, Any], now: float) -> None:
        item = event.get("item")
        if not isinstance(item, Mapping):
            return
        spoken = self._voice.spoken.get(str(item.get("id", "")))
        if self._responses.dropping:
            self._drop_item(item, spoken)
        elif item.get("type") == "message" and spoken is not None:
            self._voice.finished(spoken.utterance)
        elif item.get("type") == "function_call" and item.get("status") == "completed":
            tool = RunTool(str(item.get("call_id", "")), str(item.get("name", "")), str(item.get("arguments", "")))
            if self._keeper.open is not None:
                self._keeper.open.tool_requested(tool.call_id, now)
            self._responses.expect(tool)
            known = self._ahead.asked(tool, self._keeper.open, now)
            if known is not None:
                self.tool_answered(tool.call_id, known, now)

    def _drop_item(self, item: Mapping[str, Any], spoken: Spoken | None) -> None:
        """Nobody heard it, so it was not said; a tool of an answer that was cut off does not run either."""
        if item.get("id") and (spoken is None or spoken.utterance.sent_ms == 0):
            self._commands.append(ToModel(realtime.delete_item(str(item["id"]))))

    def _response_done(self, event: Mapping[str, Any]) -> None:
        response = event.get("response")
        if not isinstance(response, Mapping):
            return
        self._bill(usage_of(response.get("usage")))
        failed = response.get("status") in ("failed", "incomplete") and not self._responses.dropping
        if self._responses.active is not None and response.get("id") == self._responses.active.id:
            self._voice.finish_all()
        self._responses.done(response.get("id"))
        turn = self._keeper.open
        if turn is not None and self._had_nothing_to_say(turn):
            self._unanswered = turn.item_id
            if self._made_out == turn.item_id:
                self._ask_again()
                return
        if failed:
            self._failed(response)

    def _failed(self, response: Mapping[str, Any]) -> None:
        """The caller is not left in silence: another lane, another try, and a person in the end."""
        fault, turn = faults.of_response(response), self._keeper.open
        self._commands.append(Count("response_failed", fault.code if fault else str(response.get("status"))))
        if fault is not None:
            self._give_up(fault)
        elif turn is not None and not any(spoken.utterance.sent_ms for spoken in turn.spoken):
            self._responses.failed()

    def _had_nothing_to_say(self, turn: OpenTurn) -> bool:
        """The model answered this turn with neither words nor a tool, and nobody stopped it."""
        return self._responses.idle and not turn.requested_at and not turn.spoken and not turn.interrupted

    def _bill(self, usage: Usage) -> None:
        self._keeper.used(usage)
        if self._price is None or usage == Usage():
            return
        usd = self._price(usage)
        if usd is None:
            self._commands.append(Happened("cost_unknown"))
        else:
            self._usd += usd

    def searched(self, search_id: int, result: SearchResult, now: float) -> bool:
        """A `Search` came back: whether the model waited for it, and has its answer now."""
        known = self._ahead.found(search_id, result, self._keeper.open, now)
        if known is None:
            return False
        self.tool_answered(*known, now)
        return True

    def tool_answered(self, call_id: str, answer: ToolAnswer, now: float) -> None:
        """A tool came back: the model is told, and asked to speak once it is free and the caller is silent."""
        tool = self._responses.tools.pop(call_id, None)
        if tool is None:
            return
        self._found(answer)
        if self._keeper.open is not None:
            self._keeper.open.tool_answered(tool, answer, now)
        self.farewell = self.farewell or answer.farewell
        self._commands.append(ToModel(realtime.tool_output(call_id, answer.output)))
        self._responses.ask()

    def _found(self, answer: ToolAnswer) -> None:
        self._conversation.found(answer.chunk_ids, answer.confidence)
