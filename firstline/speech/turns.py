"""The caller's turns: from sound to items, with the transcript made ahead of the turn's certain end."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from firstline.speech.audio import Samples
from firstline.speech.commands import Transcribe
from firstline.speech.config import Refused, SessionConfig
from firstline.speech.conversation import Conversation, Item
from firstline.speech.detect import Heard, Mark
from firstline.speech.hear import CallerAudio, SpeechProbability
from firstline.speech.outbox import Outbox
from firstline.speech.partials import StableWords
from firstline.speech.respond import Response, snapshot
from firstline.speech.responding import Responding
from firstline.speech.transcript import Transcript
from firstline.speech.usage import caller_tokens, text_tokens

GLIMPSE_MS, GLIMPSE_SHARE = 800, 0.25
"""Sound between two glimpses at what a speaking caller has said so far: ms at least, and share of the turn so far. Each
glimpse reads the whole turn again, so they grow rarer as it grows longer."""

SHORTEST_COMMIT_MS = 100
"""The least that a client may commit by itself, ms (the protocol's own limit)."""


@dataclass
class _Turn:
    """One turn of the caller."""

    item_id: str
    start_ms: int
    """Padding included."""
    glimpsed_ms: int
    """Where the last glimpse ended."""
    words: StableWords = field(default_factory=StableWords)
    ahead: int | None = None
    """Ticket of the transcript begun in the pause that may be the last; None while the caller speaks."""
    ready: Transcript | None = None
    """The transcript of `ahead`, once it is there."""
    item: Item | None = None
    """The conversation's item, once the turn is over."""


class CallerTurns:
    """Feeds on the caller's sound and on transcripts; says where turns begin and end and what was said."""

    def __init__(
        self,
        out: Outbox,
        conversation: Conversation,
        responding: Responding,
        probability: SpeechProbability,
        config: Callable[[], SessionConfig],
    ) -> None:
        self._out = out
        self._conversation = conversation
        self._responding = responding
        self._probability = probability
        self._config = config
        self._audio = CallerAudio(config().input_format, config().turn_settings, probability)
        self._turn: _Turn | None = None
        self._tickets: dict[int, _Turn] = {}
        self._last_ticket = 0
        self._quiet_since: int | None = None
        responding.ended = self._response_ended

    # --- from the client --------------------------------------------------------------------------------------------

    def append(self, data: bytes) -> None:
        """Sound of the wire. Raises `Refused`."""
        for heard in self._audio.append(data):
            self._hear(heard)
        self._glimpse()
        self._watch_quiet()

    def commit(self) -> None:
        """End the turn by the client's hand. Raises `Refused`."""
        kept = self._audio.now_ms - self._audio.start_ms
        if kept < SHORTEST_COMMIT_MS:
            message = f"the buffer holds {kept} ms of sound; at least {SHORTEST_COMMIT_MS} ms can be committed"
            raise Refused("input_audio_buffer_commit_empty", message)
        turn = self._turn or _Turn(self._out.new_id("item"), self._audio.start_ms, 0)
        turn.ahead = self._transcribe(turn, self._audio.cut(turn.start_ms, self._audio.now_ms))
        turn.ready = None
        self._end(turn, self._audio.now_ms)
        self._audio.clear()

    def clear(self) -> None:
        """Forget what was appended and not committed."""
        self._turn = None
        self._audio.clear()
        self._out.send("input_audio_buffer.cleared")

    def reconfigured(self) -> None:
        """The session's configuration changed."""
        config = self._config()
        if config.input_format is not self._audio.form:
            self._turn = None
            self._audio = CallerAudio(config.input_format, config.turn_settings, self._probability)
        else:
            self._audio.listen(config.turn_settings)

    # --- from the transcriber ---------------------------------------------------------------------------------------

    def transcribed(self, ticket: int, transcript: Transcript | None) -> None:
        """The result for a ticket; None when it failed."""
        turn = self._tickets.pop(ticket, None)
        if turn is None:
            return
        if turn.ahead != ticket:
            if turn is self._turn and transcript:
                self._tell(turn, turn.words.guess(transcript.text))
        elif turn.item is None:
            turn.ready = transcript
            if transcript is None:
                turn.ahead = None
            elif turn is self._turn:
                # Told in the pause: whoever searches for what the caller says has most of the silence for it.
                self._tell(turn, turn.words.final(transcript.text))
        else:
            self._complete(turn, turn.item, transcript)

    # --- the turn ---------------------------------------------------------------------------------------------------

    def _hear(self, heard: Heard) -> None:
        match heard.mark:
            case Mark.STARTED:
                self._begin(heard.at_ms)
            case Mark.PAUSED if self._turn:
                self._work_ahead(self._turn, heard.at_ms)
            case Mark.RESUMED if self._turn:
                self._turn.ahead = self._turn.ready = None
            case Mark.STOPPED if self._turn:
                self._stop(self._turn, heard.at_ms)

    def _begin(self, at_ms: int) -> None:
        settings = self._config().turn_settings
        padding = settings.prefix_padding_ms if settings else 0
        start = max(self._audio.start_ms, at_ms - padding)
        self._turn = turn = _Turn(self._out.new_id("item"), start, at_ms)
        self._quiet_since = None
        self._out.send("input_audio_buffer.speech_started", audio_start_ms=start, item_id=turn.item_id)
        vad = self._config().audio.input.turn_detection
        if vad and vad.interrupt_response:
            self._responding.interrupt()

    def _work_ahead(self, turn: _Turn, at_ms: int) -> None:
        turn.ready = None
        turn.ahead = self._transcribe(turn, self._audio.cut(turn.start_ms, at_ms))

    def _stop(self, turn: _Turn, at_ms: int) -> None:
        self._out.send("input_audio_buffer.speech_stopped", audio_end_ms=at_ms, item_id=turn.item_id)
        if turn.ahead is None:
            turn.ahead = self._transcribe(turn, self._audio.cut(turn.start_ms, at_ms))
        self._end(turn, at_ms)
        self._audio.drop_before(at_ms)
        vad = self._config().audio.input.turn_detection
        if vad and vad.create_response:
            self._respond()

    def _end(self, turn: _Turn, at_ms: int) -> None:
        """The turn becomes an item; its transcript follows, or is there already."""
        self._turn = None
        self._commit_item(turn, caller_ms=at_ms - turn.start_ms, awaited=turn.ready is None)
        if turn.ready and turn.item:
            self._complete(turn, turn.item, turn.ready)

    def _commit_item(self, turn: _Turn, caller_ms: float, awaited: bool) -> None:
        content = [{"type": "input_audio"}]
        wire = {
            "id": turn.item_id,
            "object": "realtime.item",
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": content,
        }
        turn.item = Item(wire, caller_ms=caller_ms, awaited=awaited)
        before = self._conversation.add(turn.item)
        self._out.send("input_audio_buffer.committed", previous_item_id=before, item_id=turn.item_id)
        self._out.send("conversation.item.added", previous_item_id=before, item=snapshot(turn.item))
        self._out.send("conversation.item.done", previous_item_id=before, item=snapshot(turn.item))

    def _respond(self) -> None:
        try:
            self._responding.create()
        except Refused as refused:
            # interrupt_response is off and the agent still speaks: the client must know that no answer will come.
            self._out.error(refused, None)

    # --- transcripts ------------------------------------------------------------------------------------------------

    def _transcribe(self, turn: _Turn, samples: Samples, *, optional: bool = False) -> int:
        self._last_ticket += 1
        self._tickets[self._last_ticket] = turn
        wanted = self._config().audio.input.transcription
        language = wanted.language if wanted else None
        prompt = (wanted.prompt if wanted else None) or ""
        rate = self._audio.form.rate
        self._out.do(Transcribe(self._last_ticket, samples, rate, language, prompt, optional))
        return self._last_ticket

    def _glimpse(self) -> None:
        """Look at what was said so far, now and then, for the deltas of a caller who still speaks."""
        turn, now = self._turn, self._audio.now_ms
        if turn is None or turn.ahead is not None:
            return
        if now - turn.glimpsed_ms < max(GLIMPSE_MS, GLIMPSE_SHARE * (now - turn.start_ms)):
            return
        if not self._config().audio.input.transcription:
            return
        turn.glimpsed_ms = now
        self._transcribe(turn, self._audio.cut(turn.start_ms, now), optional=True)

    def _complete(self, turn: _Turn, item: Item, transcript: Transcript | None) -> None:
        item.awaited = False
        text = transcript.text if transcript else ""
        item.wire["content"][0]["transcript"] = text
        if transcript:
            self._tell(turn, turn.words.final(text))
        if self._config().audio.input.transcription:
            self._tell_completed(item, transcript)
        self._responding.start_waiting()

    def _tell(self, turn: _Turn, delta: str) -> None:
        if delta and self._config().audio.input.transcription:
            kind = "conversation.item.input_audio_transcription.delta"
            self._out.send(kind, item_id=turn.item_id, content_index=0, delta=delta)

    def _tell_completed(self, item: Item, transcript: Transcript | None) -> None:
        kind, where = "conversation.item.input_audio_transcription", {"item_id": item.id, "content_index": 0}
        if transcript is None:
            error = {"type": "transcription_error", "code": "failed", "message": "the sound could not be transcribed"}
            self._out.send(f"{kind}.failed", **where, error=error)
            return
        usage = _transcription_usage(item, transcript.text)
        languages = [{"code": transcript.language}]
        self._out.send(f"{kind}.completed", **where, transcript=transcript.text, languages=languages, usage=usage)

    # --- silence ----------------------------------------------------------------------------------------------------

    def _response_ended(self, response: Response) -> None:
        """The caller's silence counts from the end of what they hear."""
        self._quiet_since = self._audio.now_ms + int(response.spoken_ms)

    def _watch_quiet(self) -> None:
        timeout, now = self._config().idle_timeout_ms, self._audio.now_ms
        if timeout is None or self._quiet_since is None or self._turn or self._responding.active:
            return
        if now - self._quiet_since < timeout:
            return
        turn = _Turn(self._out.new_id("item"), self._quiet_since, now)
        where = {"audio_start_ms": self._quiet_since, "audio_end_ms": now, "item_id": turn.item_id}
        self._out.send("input_audio_buffer.timeout_triggered", **where)
        self._quiet_since = None
        self._commit_item(turn, caller_ms=now - turn.start_ms, awaited=False)
        self._respond()


def _transcription_usage(item: Item, text: str) -> dict[str, Any]:
    heard, written = caller_tokens(item.caller_ms), text_tokens(text)
    details = {"audio_tokens": heard, "text_tokens": 0}
    return {
        "type": "tokens",
        "input_tokens": heard,
        "output_tokens": written,
        "total_tokens": heard + written,
        "input_token_details": details,
    }
