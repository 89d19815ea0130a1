"""A call that another stream has begun goes on, and leaves no question open."""

from collections.abc import Sequence

import pytest

from firstline.domain.call import CallStarted, TranscriptLine
from firstline.domain.resume import PlacedTool, ResumeContext
from firstline.domain.turn import ToolUse
from realtime_bridge.protocol.commands import ToolAnswer
from realtime_bridge.protocol.replay import ResumeNotes
from tests.realtime_bridge.calls import CALL, Bench


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.start()
    return bench


NOTES = ResumeNotes("Do not greet.", "Answer now.")


class TestResuming:
    def test_replays_what_was_heard_and_answers_what_was_not(self, bench: Bench) -> None:
        lines = [TranscriptLine("caller", "Hi."), TranscriptLine("agent", "Hello."), TranscriptLine("caller", "How?")]
        context = ResumeContext(started(), "en", lines, unanswered=True, confidence=0.9)

        bench.session.resume(context, NOTES, bench.now)

        *items, ask = bench.to_model(bench.take())
        assert [(item["item"]["role"], item["item"]["content"][0]["text"]) for item in items] == [
            ("user", "Hi."),
            ("assistant", "Hello."),
            ("user", "How?"),
            ("system", "Do not greet. Answer now."),
        ]
        assert ask == {"type": "response.create"}
        assert bench.session.confidence == 0.9

    def test_gives_the_model_what_tools_answered_where_they_answered_it(self, bench: Bench) -> None:
        bench.session.resume(answered_by_a_tool(), NOTES, bench.now)

        asked, call, output, answered, _ = [event["item"] for event in bench.to_model(bench.take())]
        assert (asked["role"], answered["role"]) == ("user", "assistant")
        assert (call["type"], call["name"], call["arguments"]) == (
            "function_call",
            "lookup_article",
            '{"query": "how"}',
        )
        assert (output["type"], output["call_id"]) == ("function_call_output", call["call_id"])
        assert output["output"] == '{"passages": []}'
        assert bench.tools == []

    def test_keeps_what_tools_answered_for_the_model_after_this_one(self, bench: Bench) -> None:
        bench.session.resume(answered_by_a_tool(), NOTES, bench.now)
        bench.take()

        bench.session.reconnect(NOTES, bench.now)

        items = [event["item"]["type"] for event in bench.to_model(bench.take()) if "item" in event]
        assert items == ["message", "function_call", "function_call_output", "message", "message"]

    def test_asks_nothing_when_nothing_is_owed(self, bench: Bench) -> None:
        lines = [TranscriptLine("caller", "Hi."), TranscriptLine("agent", "Hello.")]

        bench.session.resume(ResumeContext(started(), "en", lines), NOTES, bench.now)

        bench.take()
        assert bench.sent_to_model("response.create") == []

    def test_counts_turns_on_from_where_it_was(self, bench: Bench) -> None:
        lines = [TranscriptLine("caller", "Hi."), TranscriptLine("agent", "Hello.")]
        bench.session.resume(ResumeContext(started(), "en", lines), NOTES, bench.now)

        bench.caller_says("How?")
        bench.hang_up()

        assert [turn.number for turn in bench.turns] == [2]


class TestAQuestionThatTheLastStreamLeftOpen:
    def resumed(self, *, unfinished: bool, opening_ms: Sequence[int] = ()) -> Bench:
        bench = Bench(opening_ms)
        bench.start()
        lines = [TranscriptLine("caller", "Hi."), TranscriptLine("agent", "Hello."), TranscriptLine("caller", "How?")]
        context = ResumeContext(started(), "en", lines, unanswered=True, unfinished=unfinished)
        bench.session.resume(context, NOTES, bench.now)
        return bench

    def test_gets_its_answer_and_its_tools_into_one_turn(self) -> None:
        bench = self.resumed(unfinished=True)

        bench.asks_tool("lookup_article", '{"query": "how"}')
        bench.session.tool_answered("call_1", ToolAnswer('{"passages": []}'), bench.now)
        bench.agent_says("Like this.")
        bench.play_all()

        [turn] = bench.turns
        assert (turn.number, turn.caller_text, turn.agent_text) == (2, "How?", "Like this.")
        assert [use.name for use in turn.tools] == ["lookup_article"]
        assert turn.timing.first_audio_ms is None
        assert bench.session.lines[-2:] == [("caller", "How?"), ("agent", "Like this.")]

    def test_whose_turn_was_reported_already_gets_an_answer_of_its_own(self) -> None:
        bench = self.resumed(unfinished=False)

        bench.agent_says("Like this.")
        bench.play_all()

        assert [(turn.caller_text, turn.agent_text) for turn in bench.turns] == [("", "Like this.")]
        assert bench.session.lines[-2:] == [("caller", "How?"), ("agent", "Like this.")]

    def test_stays_open_while_we_say_that_we_are_still_there(self) -> None:
        bench = self.resumed(unfinished=True, opening_ms=[400])

        bench.play_all()
        bench.agent_says("Like this.")
        bench.play_all()

        assert [(turn.caller_text, turn.agent_text) for turn in bench.turns] == [("How?", "Like this.")]

    def test_is_known_to_the_model_after_the_next_one_too(self) -> None:
        bench = self.resumed(unfinished=True)
        bench.take()

        bench.session.reconnect(NOTES, bench.now)

        told = [event["item"]["content"][0]["text"] for event in bench.to_model(bench.take()) if "item" in event]
        assert told == ["Hi.", "Hello.", "How?", "Do not greet. Answer now."]


def answered_by_a_tool() -> ResumeContext:
    """A question that was looked up and answered."""
    lines = [TranscriptLine("caller", "How?"), TranscriptLine("agent", "Like this.")]
    found = ToolUse("lookup_article", '{"query": "how"}', '{"passages": []}', 80.0)
    return ResumeContext(started(), "en", lines, tools=[PlacedTool(1, found)])


def started() -> CallStarted:
    return CallStarted(CALL, "+15550100999", "+15550100100", "2026-11-22T10:00:00+00:00")
