"""The call survives any order of events: nothing raises, no second response, no audio astray, marks account for all."""

from contextlib import suppress
from typing import Any

import orjson
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from firstline.domain.passages import SearchResult
from realtime_bridge.protocol.commands import AskForPerson, Happened, Search, ToModel, ToolAnswer, ToPhone
from realtime_bridge.protocol.phrases import CallPhrases
from realtime_bridge.protocol.quoted import KEPT
from realtime_bridge.protocol.replay import ResumeNotes
from realtime_bridge.protocol.rules import CallRules
from realtime_bridge.protocol.twilio import BadFrame, MarkReached, StreamStopped, TwilioStream, audio_ms
from tests.fakes.knowledge import passage
from tests.realtime_bridge.calls import STREAM, Bench, mulaw, phrase

FOUND = SearchResult("reset", [passage("a", "reset my password")], None, 0.9)
IDS = st.sampled_from(["a", "b", "c"])
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
KINDS = st.sampled_from(
    [
        "response.output_audio.delta",
        "response.output_audio_transcript.delta",
        "response.output_item.done",
        "response.done",
        "response.created",
        "error",
        "input_audio_buffer.speech_stopped",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
        "session.updated",
        "made.up",
    ]
)


RULES = CallRules(max_call_ms=300_000, max_call_usd=3.0)
PHRASES = CallPhrases(
    fillers=[phrase("One moment.", 600), phrase("Let me see.", 700)],
    getting_person=phrase("Let me get a person.", 900),
    connecting=phrase("Connecting you.", 900),
    no_person=phrase("Nobody there.", 900),
    still_there=phrase("Are you still there?", 900),
    silence_goodbye=phrase("Goodbye.", 900),
    limit_warning=phrase("A minute left.", 900),
    limit_goodbye=phrase("Goodbye.", 900),
)


class LiveCall(RuleBasedStateMachine):
    """A phone, a model that keeps to its protocol mostly, and time."""

    @initialize(opening=st.lists(st.sampled_from([100, 400]), max_size=2))
    def begin(self, opening: list[int]) -> None:
        self.bench = Bench(opening, rules=RULES, phrases=PHRASES, price=lambda usage: 0.3)
        self.speaking = False
        self.cancelled: set[str] = set()
        self.asked_for_person = 0
        self.active: str | None = None
        self.responses = 0
        self.sent_ms: dict[str, float] = {}
        self.unanswered_marks: list[str] = []
        self.to_be_played: set[str] = set()
        self.all_marks: set[str] = set()
        self.searches: list[int] = []
        self.quoted: list[str] = []
        self.server_begins, self.asked = True, False
        self.unread: list[bool] = []
        self.bench.start()
        self.look(self.bench.commands)

    def look(self, commands: Any) -> None:
        """Hold what the session wants against what may be."""
        for command in commands:
            if isinstance(command, Happened) and command.event in ("still_there", "silence_goodbye"):
                assert not self.speaking, "the caller was asked whether they are there while they spoke"
                assert self.active is None or self.active in self.cancelled, "asked while an answer was owed"
                assert not self.to_be_played, "asked while the agent was being heard"
            if isinstance(command, AskForPerson):
                self.asked_for_person += 1
                assert self.asked_for_person == 1
            if isinstance(command, ToPhone):
                frame = orjson.loads(command.data)
                assert frame["streamSid"] == STREAM
                if frame["event"] == "mark":
                    name = frame["mark"]["name"]
                    assert name not in self.all_marks
                    self.all_marks.add(name)
                    self.unanswered_marks.append(name)
                    self.to_be_played.add(name)
                if frame["event"] == "clear":
                    self.to_be_played.clear()
            elif isinstance(command, ToModel):
                event = orjson.loads(command.data)
                if event["type"] == "response.create":
                    assert self.active is None, "a response was asked for while one is active"
                    self.asked = True
                if event["type"] == "session.update":
                    self.unread.append(event["session"]["audio"]["input"]["turn_detection"]["create_response"])
                self.look_at_quotes(event)
                if event["type"] == "response.cancel":
                    assert event["response_id"] == self.active, "what is not under way cannot be cancelled"
                    self.cancelled.add(event["response_id"])
                if event["type"] == "conversation.item.truncate":
                    assert 0 <= event["audio_end_ms"] <= self.sent_ms[event["item_id"]]

            elif isinstance(command, Search):
                self.searches.append(command.id)

    def look_at_quotes(self, event: dict[str, Any]) -> None:
        """An item is put once and deleted once; what is quoted stays small."""
        if event["type"] == "conversation.item.create" and str(event["item"].get("id", "")).startswith("ahead_"):
            assert event["item"]["id"] not in self.quoted
            self.quoted.append(event["item"]["id"])
            assert len(self.quoted) <= 2 * (KEPT + 2)
        if event["type"] == "conversation.item.delete" and event["item_id"].startswith("ahead_"):
            self.quoted.remove(event["item_id"])

    def model(self, kind: str, **fields: Any) -> None:
        self.look(self.bench.model(kind, **fields))

    @rule(ms=st.integers(0, 3000))
    def time_passes(self, ms: int) -> None:
        self.bench.now += ms

    @rule(ms=st.sampled_from([10, 700, 1500, 9000, 70_000]))
    def time_passes_and_the_session_wakes(self, ms: int) -> None:
        self.look(self.bench.wait(ms))

    @rule()
    def the_session_is_woken_for_nothing(self) -> None:
        self.bench.session.tick(self.bench.now)
        self.look(self.bench.take())

    @rule(digit=st.sampled_from("0123#*"))
    def key(self, digit: str) -> None:
        self.look(self.bench.press(digit))

    @rule(accepted=st.booleans())
    def person_answers(self, accepted: bool) -> None:
        if self.asked_for_person:
            self.asked_for_person = -1_000
            self.bench.session.person_answered(accepted, self.bench.now)
            self.look(self.bench.take())

    @rule()
    def response_begins(self) -> None:
        if self.active is None and (self.server_begins or self.asked):
            self.asked = False
            self.responses += 1
            self.active = f"resp_{self.responses}"
            self.model("response.created", response={"id": self.active})

    @rule(item=IDS, ms=st.sampled_from([20, 100, 500]))
    def audio(self, item: str, ms: int) -> None:
        if self.active is not None:
            name = f"{self.active}_{item}"
            self.sent_ms[name] = self.sent_ms.get(name, 0.0) + audio_ms(mulaw(ms))
            self.model("response.output_audio.delta", response_id=self.active, item_id=name, delta=mulaw(ms))

    @rule(item=IDS)
    def item_done(self, item: str) -> None:
        name = f"{self.active}_{item}"
        self.model("response.output_item.done", item={"type": "message", "id": name, "status": "completed"})

    @rule(call=IDS)
    def tool_asked(self, call: str) -> None:
        if self.active is not None:
            item = {"type": "function_call", "status": "completed", "call_id": call, "name": "lookup_article"}
            item["arguments"] = '{"query": "reset my password"}'
            self.model("response.output_item.done", item=item)

    @rule(call=IDS, farewell=st.booleans())
    def tool_answers(self, call: str, farewell: bool) -> None:
        self.bench.session.tool_answered(call, ToolAnswer("{}", farewell=farewell), self.bench.now)
        self.look(self.bench.take())

    @rule(item=IDS, words=st.sampled_from(["How do I ", "reset ", "my password", "", "thanks"]))
    def words_are_heard(self, item: str, words: str) -> None:
        self.model("conversation.item.input_audio_transcription.delta", item_id=item, delta=words)

    @rule(back=st.integers(1, 3), breaks=st.booleans())
    def search_ends(self, back: int, breaks: bool) -> None:
        if len(self.searches) < back:
            return
        if breaks:
            self.bench.session.search_failed(self.searches[-back], self.bench.now)
        else:
            self.bench.session.searched(self.searches[-back], FOUND, self.bench.now)
        self.look(self.bench.take())

    @rule()
    def response_ends(self) -> None:
        if self.active is not None:
            done, self.active = self.active, None
            usage = {"input_token_details": {"audio_tokens": 9}}
            self.model("response.done", response={"id": done, "usage": usage})

    @rule()
    def server_reads(self) -> None:
        """What it was told about the end of the caller's speech; it says so."""
        while self.unread:
            self.server_begins = self.unread.pop(0)
            detection = {"type": "server_vad", "create_response": self.server_begins}
            self.model("session.updated", session={"audio": {"input": {"turn_detection": detection}}})

    @rule(item=IDS)
    def caller_speaks(self, item: str) -> None:
        self.speaking = True
        self.model("input_audio_buffer.speech_started", item_id=item)

    @rule(item=IDS)
    def caller_stops(self, item: str) -> None:
        self.server_reads()  # speech and the silence behind it last longer than anything is under way
        if self.speaking and self.server_begins:
            assert self.active is None or self.active in self.cancelled, "the server cannot begin another response"
        self.speaking = False
        self.model("input_audio_buffer.speech_stopped", item_id=item, audio_end_ms=100)

    @rule(item=IDS)
    def caller_sounds_over_the_answer(self, item: str) -> None:
        """It ends before it is clear what it was."""
        self.response_begins()
        self.audio(item, 500)
        self.caller_speaks(item)
        self.caller_stops(item)

    @rule(item=IDS, text=st.text(max_size=10))
    def transcript(self, item: str, text: str) -> None:
        self.model("conversation.item.input_audio_transcription.completed", item_id=item, transcript=text)

    @rule(count=st.integers(1, 3))
    def phone_plays(self, count: int) -> None:
        for _ in range(min(count, len(self.unanswered_marks))):
            name = self.unanswered_marks.pop(0)
            self.to_be_played.discard(name)
            self.bench.session.phone(MarkReached(name), self.bench.now)
            self.look(self.bench.take())

    @rule(name=st.text(max_size=6))
    def phone_echoes_nonsense(self, name: str) -> None:
        self.bench.session.phone(MarkReached(name), self.bench.now)
        self.look(self.bench.take())

    @rule()
    def model_is_replaced(self) -> None:
        self.active, self.speaking, self.server_begins, self.asked = None, False, True, False
        self.quoted.clear()
        self.unread.clear()
        self.bench.session.reconnect(ResumeNotes("Go on.", "Answer."), self.bench.now)
        self.look(self.bench.take())

    @rule(kind=KINDS, fields=st.dictionaries(st.sampled_from(["item", "delta", "item_id", "response_id"]), JUNK))
    def model_talks_nonsense(self, kind: str, fields: dict[str, Any]) -> None:
        if kind == "response.created":
            return  # a response of the model's own would be one it then has to end
        self.model(kind, **fields)

    @rule()
    def phone_hangs_up(self) -> None:
        self.bench.session.phone(StreamStopped(), self.bench.now)
        self.look(self.bench.take())

    @invariant()
    def nobody_heard_more_than_was_sent(self) -> None:
        for spoken in self.bench.session._voice.spoken.values():
            assert 0 <= spoken.utterance.heard_ms <= spoken.utterance.sent_ms

    def teardown(self) -> None:
        """Once the phone has played everything, everything that was finished is accounted for."""
        while self.unanswered_marks:
            self.phone_plays(1)
        left = [segment.utterance for segment in self.bench.session._voice._playback._segments]
        assert not [utterance for utterance in left if utterance.complete]


LiveCall.TestCase.settings = settings(
    max_examples=30, stateful_step_count=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
TestLiveCall = LiveCall.TestCase


class TwilioFrames(RuleBasedStateMachine):
    """Whatever arrives, reading it ends in an event, in nothing, or in `BadFrame`."""

    def __init__(self) -> None:
        super().__init__()
        self.stream = TwilioStream()

    @rule(event=st.sampled_from(["connected", "start", "media", "mark", "dtmf", "stop", "x"]), rest=JUNK, more=JUNK)
    def frame(self, event: str, rest: Any, more: Any) -> None:
        frame = {"event": event, event: rest, "streamSid": more}
        with suppress(BadFrame):
            self.stream.read(orjson.dumps(frame))

    @rule(data=st.binary(max_size=30))
    def noise(self, data: bytes) -> None:
        with suppress(BadFrame):
            self.stream.read(data)


TwilioFrames.TestCase.settings = settings(max_examples=40, deadline=None, derandomize=True)
TestTwilioFrames = TwilioFrames.TestCase
