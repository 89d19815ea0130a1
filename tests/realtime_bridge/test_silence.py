"""Nothing is silent: fillers, the live line and the ladder, without a socket or a clock."""

import pytest

from firstline.domain.facts import FactKind
from firstline.domain.gate import RuntimeCause
from realtime_bridge.protocol.commands import AskForPerson, ToolAnswer
from realtime_bridge.protocol.phrases import CallPhrases
from realtime_bridge.protocol.rules import CallRules
from tests.realtime_bridge.calls import Bench, mulaw, phrase

PHRASES = CallPhrases(
    fillers=[phrase("One moment.", 800), phrase("Let me see.", 800)],
    getting_person=phrase("Let me get a person for you.", 1200),
    connecting=phrase("I'm connecting you now.", 1200),
    no_person=phrase("I cannot reach our team.", 1200),
    still_there=phrase("Are you still there?", 900),
    silence_goodbye=phrase("I will end the call here. Goodbye.", 1600),
)


def call(**rules: float) -> Bench:
    """A call whose greeting was heard."""
    bench = Bench(rules=CallRules(**rules), phrases=PHRASES)
    bench.start()
    return bench


@pytest.fixture
def bench() -> Bench:
    return call()


def said(bench: Bench) -> list[str]:
    """Names of what was sent to the phone, in order, once each."""
    return list(dict.fromkeys(mark.partition("#")[0] for mark in bench.marks))


def asked(bench: Bench) -> list[RuntimeCause]:
    return [command.cause for command in bench.commands if isinstance(command, AskForPerson)]


class TestFiller:
    def test_breaks_700_ms_of_silence_after_the_caller_stopped(self, bench: Bench) -> None:
        bench.caller_says("How do I reset my password?")
        bench.wait(699)
        assert bench.happened == []

        bench.wait(1)

        assert bench.happened == ["filler"]
        assert said(bench) == ["filler-1"]

    def test_is_not_needed_when_the_answer_comes_in_time(self, bench: Bench) -> None:
        bench.caller_says("How do I reset my password?")
        bench.wait(650)
        bench.agent_says("Choose Forgot password.", ms=2000)

        bench.wait(5000)

        assert bench.happened == []

    def test_is_no_part_of_the_answer_and_of_no_clock_but_counted(self, bench: Bench) -> None:
        bench.caller_says("How do I reset my password?")
        bench.wait(900)
        bench.agent_says("Choose Forgot password.")

        bench.play_all()

        [turn] = bench.turns
        assert (turn.agent_text, turn.fillers, turn.timing.first_audio_ms) == ("Choose Forgot password.", 1, 900)
        assert "One moment." not in str(bench.to_model(bench.commands))

    def test_that_was_heard_before_the_model_speaks_does_not_end_the_turn(self, bench: Bench) -> None:
        bench.caller_says("How do I reset my password?")
        bench.wait(900)
        bench.play_all()
        bench.agent_says("Choose Forgot password.")

        bench.play_all()

        [turn] = bench.turns
        assert (turn.caller_text, turn.agent_text) == ("How do I reset my password?", "Choose Forgot password.")

    def test_lets_the_answer_follow_right_behind_it(self, bench: Bench) -> None:
        bench.caller_says("How do I reset my password?")
        bench.wait(800)

        bench.agent_says("Choose Forgot password.")

        assert said(bench) == ["filler-1", "item_a1"]
        assert not any(frame["event"] == "clear" for frame in bench.to_phone(bench.commands))

    def test_of_a_long_tool_is_repeated_every_few_seconds_and_not_in_the_same_words(self, bench: Bench) -> None:
        bench.caller_says("How do I reset my password?")
        bench.asks_tool("lookup_article", '{"query": "something else entirely"}')

        bench.wait(5000)

        assert bench.happened == ["filler", "filler"]
        assert asked(bench) == []

    def test_is_cut_off_by_the_caller_like_everything_the_agent_says(self, bench: Bench) -> None:
        bench.caller_says("How do I reset my password?")
        bench.wait(800)

        commands = bench.model("input_audio_buffer.speech_started", item_id="item_u2")

        assert bench.to_phone(commands)[0]["event"] == "clear"
        assert bench.sent_to_model("conversation.item.truncate") == []

    def test_does_not_speak_while_the_caller_does(self, bench: Bench) -> None:
        bench.caller_says("How do I reset my password?")
        bench.model("input_audio_buffer.speech_started", item_id="item_u2")

        bench.wait(5000)

        assert bench.happened == []

    def test_does_not_begin_an_owed_answer_that_nobody_owes(self, bench: Bench) -> None:
        bench.caller_says("How do I reset my password?")
        bench.agent_says("Choose Forgot password.")
        bench.play_all()

        bench.wait(5000)

        assert bench.happened == []

    def test_comes_when_a_response_failed_without_a_word(self, bench: Bench) -> None:
        bench.caller_says("How do I reset my password?")
        bench.model("response.created", response={"id": "r"})
        bench.model("response.done", response={"id": "r", "status": "failed"})

        bench.wait(700)

        assert bench.happened == ["filler"]


class TestLiveLine:
    def test_is_engaged_1_s_after_a_filler_that_nothing_followed(self, bench: Bench) -> None:
        bench.caller_says("How do I reset my password?")
        bench.wait(700 + 800 + 999)
        assert asked(bench) == []

        bench.wait(1)

        assert asked(bench) == [RuntimeCause.DEAD_AIR]
        assert said(bench)[-1] == "live-line-2"

    def test_is_engaged_after_1_s_where_no_filler_can_be_played(self) -> None:
        bench = call(filler_after_ms=0)
        bench.caller_says("How do I reset my password?")

        bench.wait(1000)

        assert asked(bench) == [RuntimeCause.DEAD_AIR]

    def test_is_withdrawn_when_audio_starts_meanwhile(self, bench: Bench) -> None:
        bench.caller_says("How do I reset my password?")
        bench.wait(700 + 800 + 990)

        bench.agent_says("Choose Forgot password.")
        bench.play_all()
        bench.wait(3000)

        assert asked(bench) == []

    def test_can_be_switched_off(self) -> None:
        bench = call(live_line_after_ms=0)
        bench.caller_says("How do I reset my password?")

        bench.wait(20_000)

        assert asked(bench) == []
        assert bench.happened.count("filler") == 5

    def test_moves_the_caller_once_they_heard_that_they_are_connected(self, bench: Bench) -> None:
        bench.caller_says("How do I reset my password?")
        bench.wait(3000)

        bench.session.person_answered(True, bench.now)
        bench.take()
        assert FactKind.FAREWELL_PLAYED not in [report.kind for report in bench.reports]
        bench.play_all()

        assert FactKind.FAREWELL_PLAYED in [report.kind for report in bench.reports]
        assert not bench.session.ended

    def test_that_cannot_be_reached_is_apologised_for_and_the_stream_ends(self, bench: Bench) -> None:
        """The carrier then asks the action URL, which leads to another bridge or to the failsafe queue."""
        bench.caller_says("How do I reset my password?")
        bench.wait(3000)

        bench.session.person_answered(False, bench.now)
        bench.take()
        bench.play_all()

        assert bench.session.ended
        assert (bench.reports[-1].kind, bench.reports[-1].detail) == (FactKind.STREAM_ENDED, "no_person")

    def test_leaves_the_model_no_more_say(self, bench: Bench) -> None:
        bench.caller_says("How do I reset my password?")
        bench.wait(3000)

        bench.agent_says("Choose Forgot password.")

        assert bench.sent_to_model("response.cancel") == [{"type": "response.cancel", "response_id": "resp_1"}]
        assert "item_a1" not in said(bench)

    def test_bears_with_a_tool_at_work_but_not_for_ever(self, bench: Bench) -> None:
        bench.caller_says("How do I reset my password?")
        bench.asks_tool("lookup_article", '{"query": "something else entirely"}')
        bench.wait(5900)
        assert asked(bench) == []

        bench.wait(2000)

        assert asked(bench) == [RuntimeCause.DEAD_AIR]

    def test_says_the_farewell_that_the_model_owes_after_its_own_handoff(self, bench: Bench) -> None:
        bench.caller_says("My invoice charged us twice.")
        bench.asks_tool("handoff_to_human")
        bench.session.tool_answered("call_1", ToolAnswer("{}", farewell=True), bench.now)
        bench.take()

        bench.wait(3000)
        bench.play_all()

        assert asked(bench) == []
        assert FactKind.FAREWELL_PLAYED in [report.kind for report in bench.reports]


class TestLadder:
    def test_asks_twice_then_says_goodbye_and_hangs_up(self, bench: Bench) -> None:
        bench.caller_says("How?")
        bench.agent_says("Like this.")
        bench.play_all()
        for _ in range(3):
            bench.wait(8000)
            bench.play_all()

        assert bench.happened == ["still_there", "still_there", "silence_goodbye"]
        assert bench.session.ended
        assert (bench.reports[-1].kind, bench.reports[-1].detail) == (FactKind.STREAM_ENDED, "goodbye")

    def test_is_heard_by_the_model_and_written_down(self, bench: Bench) -> None:
        bench.caller_says("How?")
        bench.agent_says("Like this.")
        bench.play_all()
        bench.wait(8000)

        bench.play_all()

        [item] = bench.sent_to_model("conversation.item.create")
        assert item["item"]["content"] == [{"type": "output_text", "text": "Are you still there?"}]
        assert [(turn.number, turn.caller_text, turn.agent_text) for turn in bench.turns][-1] == (
            2,
            "",
            "Are you still there?",
        )

    @pytest.mark.parametrize("by", ["voice", "key"])
    def test_begins_at_its_foot_when_the_caller_is_heard(self, bench: Bench, by: str) -> None:
        bench.caller_says("How?")
        bench.agent_says("Like this.")
        bench.play_all()
        bench.wait(8000)
        bench.play_all()
        bench.wait(7000)

        if by == "voice":
            bench.caller_says("Yes, yes.", "item_u2")
        else:
            bench.press("5#")
        bench.agent_says("Good.", response="resp_2", item="item_a2")
        bench.play_all()
        bench.wait(8000)

        assert bench.happened.count("still_there") == 2
        assert "silence_goodbye" not in bench.happened

    def test_waits_until_the_answer_was_heard_to_its_end(self, bench: Bench) -> None:
        bench.caller_says("How?")
        bench.agent_says("A very long answer.", ms=20_000)

        bench.wait(20_000)

        assert bench.happened == []

    def test_does_not_climb_while_the_caller_speaks(self, bench: Bench) -> None:
        bench.caller_says("How?")
        bench.agent_says("Like this.")
        bench.play_all()
        bench.model("input_audio_buffer.speech_started", item_id="item_u2")

        bench.wait(30_000)

        assert bench.happened == []

    def test_does_not_climb_while_the_caller_waits_for_a_person(self, bench: Bench) -> None:
        bench.caller_says("I want to talk to a person.")
        bench.asks_tool("handoff_to_human")
        bench.session.tool_answered("call_1", ToolAnswer("{}", farewell=True), bench.now)
        bench.take()
        bench.agent_says("I am connecting you.", response="resp_2")
        bench.play_all()

        bench.wait(30_000)

        assert bench.happened == []

    def test_goodbye_is_taken_back_when_the_caller_speaks_over_it(self, bench: Bench) -> None:
        bench.caller_says("How?")
        bench.agent_says("Like this.")
        bench.play_all()
        for _ in range(2):
            bench.wait(8000)
            bench.play_all()
        bench.wait(8500)

        bench.caller_says("Wait, I am here!", "item_u2")

        assert not bench.session.ended

    def test_can_be_switched_off(self) -> None:
        bench = call(silence_step_ms=0)
        bench.caller_says("How?")
        bench.agent_says("Like this.")
        bench.play_all()

        bench.wait(60_000)

        assert bench.happened == []


def test_a_response_that_left_its_item_open_is_heard_out_all_the_same(bench: Bench) -> None:
    """Its last piece has a mark, too: without one the agent would count as speaking for ever."""
    bench.caller_says("How?")
    bench.model("response.created", response={"id": "r"})
    bench.model("response.output_audio.delta", response_id="r", item_id="i", delta=mulaw(100))
    bench.model("response.output_audio.delta", response_id="r", item_id="i", delta=mulaw(100))
    bench.model("response.done", response={"id": "r", "status": "incomplete"})

    bench.play_all()

    assert len(bench.turns) == 1
