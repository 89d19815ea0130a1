"""A call whose model session is replaced: what the new one is told, and what it is not."""

from typing import Any

import pytest

from realtime_bridge.protocol.caller_line import HELD
from realtime_bridge.protocol.commands import LaneFault, ToolAnswer
from realtime_bridge.protocol.faults import Kind
from realtime_bridge.protocol.replay import ResumeNotes
from realtime_bridge.protocol.rules import CallRules
from tests.realtime_bridge.calls import Bench, mulaw

TRANSCRIBED = "conversation.item.input_audio_transcription.completed"
NOTES = ResumeNotes("Go on in English; do not introduce yourself.", "Answer now.")


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.start()
    return bench


def told(bench: Bench) -> list[dict[str, Any]]:
    """What a new session is sent."""
    bench.take()
    bench.session.reconnect(NOTES, bench.now)
    return bench.to_model(bench.take())


def items(events: list[dict[str, Any]]) -> list[str]:
    """The items among them, by kind or by who speaks."""
    made = [event["item"] for event in events if event["type"] == "conversation.item.create"]
    return [item.get("role") or item["type"] for item in made]


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


class TestTheConversation:
    def test_in_mid_question_is_told_with_the_question_to_answer(self, bench: Bench) -> None:
        bench.caller_says("How do I reset my password?")

        update, question, note, ask = told(bench)

        assert update["type"] == "session.update"
        assert question["item"]["content"][0]["text"] == "How do I reset my password?"
        assert note["item"]["content"][0]["text"] == f"{NOTES.re_anchor} Answer now."
        assert ask["type"] == "response.create"

    def test_holds_what_tools_answered_where_they_answered_it(self, bench: Bench) -> None:
        bench.caller_says("How?")
        bench.asks_tool("lookup_article", '{"query": "how"}')
        bench.session.tool_answered("call_1", ToolAnswer('{"passages": []}'), bench.now)
        bench.agent_says("Like this.")
        bench.play_all()

        events = told(bench)[-5:]

        call, output = events[1]["item"], events[2]["item"]
        assert items(events) == ["user", "function_call", "function_call_output", "assistant", "system"]
        assert (call["name"], call["arguments"]) == ("lookup_article", '{"query": "how"}')
        assert (output["call_id"], output["output"]) == (call["call_id"], '{"passages": []}')

    def test_after_a_whole_answer_asks_for_nothing(self, bench: Bench) -> None:
        bench.caller_says("How?")
        bench.agent_says("Like this.")

        assert "response.create" not in kinds(told(bench))

    def test_begins_with_what_is_true_of_this_call_alone(self) -> None:
        bench = Bench(note_of_call="call_sid: CA1")
        bench.start()

        update, note, *_ = told(bench)

        assert "call_sid" not in update["session"]["instructions"]
        assert note["item"]["content"][0]["text"] == "call_sid: CA1"


class TestAToolUnderWay:
    def test_becomes_the_new_sessions_own_call(self, bench: Bench) -> None:
        bench.caller_says("How?")
        bench.asks_tool("lookup_article", '{"query": "how"}')
        before = told(bench)

        bench.session.tool_answered("call_1", ToolAnswer('{"passages": []}'), bench.now)

        output, ask = bench.to_model(bench.take())
        assert items(before) == ["user", "system", "function_call"]
        assert output["item"]["call_id"] == "call_1"
        assert ask["type"] == "response.create"

    def test_is_not_run_twice(self, bench: Bench) -> None:
        bench.caller_says("How?")
        bench.asks_tool("lookup_article")
        told(bench)

        assert len(bench.tools) == 1


class TestWhatTheCallerWasSaying:
    def test_is_sent_again_and_asks_for_its_answer_by_itself(self, bench: Bench) -> None:
        bench.model("input_audio_buffer.speech_started", item_id="u")
        bench.hear(1000)

        events = told(bench)

        assert kinds(events).count("input_audio_buffer.append") == 50
        assert "response.create" not in kinds(events)
        assert bench.session.line.audio_ms == 1000

    def test_is_sent_again_while_its_words_are_awaited(self, bench: Bench) -> None:
        bench.model("input_audio_buffer.speech_started", item_id="u")
        bench.hear(1000)
        bench.model("input_audio_buffer.speech_stopped", item_id="u", audio_end_ms=1000)
        bench.hear(200)

        assert kinds(told(bench)).count("input_audio_buffer.append") == 60

    def test_is_not_sent_again_once_it_was_understood(self, bench: Bench) -> None:
        bench.caller_says("How?")
        bench.hear(100)

        assert kinds(told(bench)).count("input_audio_buffer.append") == 5

    def test_before_the_dead_model_could_notice_is_sent_too(self, bench: Bench) -> None:
        """No `speech_started` ever came; the last three seconds are kept for that."""
        bench.hear(10_000)

        assert kinds(told(bench)).count("input_audio_buffer.append") == 150

    def test_is_bounded(self, bench: Bench) -> None:
        bench.model("input_audio_buffer.speech_started", item_id="u")
        bench.hear(60_000)

        assert kinds(told(bench)).count("input_audio_buffer.append") == HELD

    def test_is_sent_a_third_time_when_the_second_model_dies_too(self, bench: Bench) -> None:
        bench.model("input_audio_buffer.speech_started", item_id="u")
        bench.hear(1000)
        told(bench)

        assert kinds(told(bench)).count("input_audio_buffer.append") == 50


class TestTheOldSessionsWords:
    def test_are_not_truncated_in_the_new_one(self, bench: Bench) -> None:
        """It never said them: to truncate them would be an error there."""
        bench.caller_says("How?")
        bench.agent_says("Like this.", ms=3000)
        told(bench)

        commands = bench.model("input_audio_buffer.speech_started", item_id="u2")

        assert [frame["event"] for frame in bench.to_phone(commands)] == ["clear"]
        assert bench.sent_to_model("conversation.item.truncate") == []


class TestQuiet:
    def test_is_after_an_answer_was_heard(self, bench: Bench) -> None:
        bench.caller_says("How?")
        bench.agent_says("Like this.")
        before = bench.session.between_turns

        bench.play_all()

        assert (before, bench.session.between_turns) == (False, True)

    def test_is_not_while_the_caller_speaks_or_waits(self, bench: Bench) -> None:
        bench.model("input_audio_buffer.speech_started", item_id="u")
        speaking = bench.session.between_turns
        bench.model("input_audio_buffer.speech_stopped", item_id="u", audio_end_ms=0)

        assert (speaking, bench.session.between_turns) == (False, False)

    def test_is_not_while_a_tool_runs(self, bench: Bench) -> None:
        bench.asks_tool("lookup_article")

        assert not bench.session.between_turns


class TestAResponseThatFails:
    def fails(self, bench: Bench, response: str = "r", status: str = "failed", **details: Any) -> None:
        bench.model("response.created", response={"id": response})
        bench.model("response.done", response={"id": response, "status": status, "status_details": details})

    def test_is_asked_for_once_more(self, bench: Bench) -> None:
        bench.caller_says("How?")

        self.fails(bench, error={"code": "server_error"})

        assert len(bench.sent_to_model("response.create")) == 1

    def test_a_second_time_lets_the_silence_ask_for_a_person(self, bench: Bench) -> None:
        bench.caller_says("How?")
        self.fails(bench, "r1")

        self.fails(bench, "r2")
        bench.wait(2000)

        assert len(bench.sent_to_model("response.create")) == 1
        assert bench.happened[-1] == "live_line_dead_air"

    def test_for_want_of_quota_takes_the_call_to_another_lane(self, bench: Bench) -> None:
        bench.caller_says("How?")

        self.fails(bench, error={"type": "insufficient_quota", "code": "insufficient_quota"})

        [fault] = [command for command in bench.commands if isinstance(command, LaneFault)]
        assert (fault.fault.kind, fault.session_lost) == (Kind.UNRETRYABLE, True)
        assert bench.sent_to_model("response.create") == []

    def test_that_is_incomplete_but_was_heard_is_left_as_it_is(self, bench: Bench) -> None:
        bench.caller_says("How?")
        bench.model("response.created", response={"id": "r"})
        bench.model("response.output_audio.delta", response_id="r", item_id="i", delta=mulaw(100))

        details = {"reason": "max_output_tokens"}
        bench.model("response.done", response={"id": "r", "status": "incomplete", "status_details": details})

        assert bench.sent_to_model("response.create") == []

    def test_because_it_was_cancelled_is_no_failure(self, bench: Bench) -> None:
        bench.caller_says("How?")

        self.fails(bench, status="cancelled", reason="client_cancelled")

        assert bench.sent_to_model("response.create") == []


class TestASessionThatIsGivenUp:
    def test_says_nothing_more_that_counts_until_another_takes_its_place(self) -> None:
        """Also where its error waited until it was clear what a sound of the caller's was."""
        bench = Bench(rules=CallRules())
        bench.start()
        bench.agent_says("Choose Forgot password.", ms=8000)
        bench.model("input_audio_buffer.speech_started", item_id="u1")
        bench.model("input_audio_buffer.speech_stopped", item_id="u1", audio_end_ms=0)
        assert bench.model("error", error={"type": "invalid_request_error", "code": "session_expired"}) == []

        decided = bench.model(TRANSCRIBED, item_id="u1", transcript="No, wait.")

        assert any(isinstance(command, LaneFault) for command in decided)
        assert bench.model("input_audio_buffer.speech_started", item_id="u2") == []
        bench.session.reconnect(NOTES, bench.now)
        bench.take()
        assert bench.model("input_audio_buffer.speech_started", item_id="u3") != []


class TestRateLimits:
    def test_that_leave_nothing_send_others_elsewhere_and_this_call_goes_on(self, bench: Bench) -> None:
        limits = [{"name": "requests", "limit": 100, "remaining": 0, "reset_seconds": 2.5}]

        [command] = bench.model("rate_limits.updated", rate_limits=limits)

        assert isinstance(command, LaneFault)
        assert (command.session_lost, command.fault.retry_after) == (False, 2.5)

    def test_that_leave_something_are_nothing_to_do(self, bench: Bench) -> None:
        limits = [{"name": "tokens", "limit": 100, "remaining": 1, "reset_seconds": 2.5}]

        assert bench.model("rate_limits.updated", rate_limits=limits) == []
