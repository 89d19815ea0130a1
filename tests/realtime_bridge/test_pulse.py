"""A model session that owes something and hangs is noticed; one that is only slow is not given up."""

import pytest

from realtime_bridge.protocol.commands import AskIfAlive, LaneFault
from realtime_bridge.protocol.faults import HUNG
from realtime_bridge.protocol.replay import ResumeNotes
from realtime_bridge.protocol.rules import CallRules
from tests.realtime_bridge.calls import Bench, mulaw

QUIET = CallRules(filler_after_ms=0, live_line_after_ms=0, silence_step_ms=0)
LOST = LaneFault(HUNG, session_lost=True)


@pytest.fixture
def bench() -> Bench:
    """A model that answers no ping, in a session that is ready."""
    bench = Bench(rules=QUIET, alive=False)
    bench.start()
    bench.model("session.updated", session={})
    return bench


class TestASessionThatOwes:
    def test_the_answer_to_a_question_is_asked_then_given_up(self, bench: Bench) -> None:
        bench.caller_says("How?")

        assert bench.wait(599) == []
        assert bench.wait(1) == [AskIfAlive()]
        assert bench.wait(599) == []
        assert bench.wait(1) == [LOST]

    def test_the_rest_of_an_answer_is_asked_too(self, bench: Bench) -> None:
        bench.caller_says("How?")
        bench.model("response.created", response={"id": "r"})
        bench.model("response.output_audio.delta", response_id="r", item_id="i", delta=mulaw(5000))

        assert bench.wait(1200) == [AskIfAlive(), LOST]

    def test_the_end_of_what_the_caller_says_is_asked_too(self, bench: Bench) -> None:
        """A model that hangs while somebody speaks never says that they have stopped."""
        bench.model("input_audio_buffer.speech_started", item_id="u")

        assert bench.wait(1200) == [AskIfAlive(), LOST]

    def test_and_answers_the_ping_is_slow_and_kept(self, bench: Bench) -> None:
        bench.answers_pings = True
        bench.caller_says("How?")

        asked = bench.wait(6000)

        assert asked == [AskIfAlive()] * 10
        bench.agent_says("Like this.")

    def test_and_is_given_up_is_given_up_once(self, bench: Bench) -> None:
        bench.caller_says("How?")

        assert bench.wait(60_000) == [AskIfAlive(), LOST]

    def test_and_was_given_up_leaves_its_successor_time_to_connect(self, bench: Bench) -> None:
        bench.caller_says("How?")
        bench.wait(1200)
        bench.session.reconnect(ResumeNotes("", ""), bench.now)
        bench.take()

        assert bench.wait(4000) == []
        bench.model("session.updated", session={})
        assert bench.wait(1200) == [AskIfAlive(), LOST]

    def test_is_asked_again_by_a_bridge_that_stood_still_itself(self, bench: Bench) -> None:
        """The pong may lie in the socket, and is read after the timers."""
        bench.caller_says("How?")
        bench.wait(600)

        bench.now += 900
        bench.session.tick(bench.now)

        assert bench.take() == [AskIfAlive()]


class TestASessionThatOwesNothing:
    def test_is_not_asked_while_the_caller_listens(self, bench: Bench) -> None:
        bench.caller_says("How?")
        bench.agent_says("Like this.", ms=5000)

        assert bench.wait(5000) == []

    def test_is_not_asked_while_it_waits_for_a_tool(self, bench: Bench) -> None:
        bench.caller_says("How?")
        bench.asks_tool("lookup_article")

        assert bench.wait(5000) == []
