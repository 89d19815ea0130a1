"""The live call's rules, without a socket or a clock."""

import pytest

from firstline.domain.facts import FactKind
from realtime_bridge.protocol.commands import CallerSpeaks, Count, ToolAnswer, TurnBegan
from realtime_bridge.protocol.rules import CallRules
from realtime_bridge.protocol.twilio import MarkReached
from tests.realtime_bridge.calls import Bench, mulaw


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.start()
    return bench


class TestGreeting:
    def test_leaves_before_anything_is_asked_of_the_model(self) -> None:
        bench = Bench(opening_ms=[400, 200])

        bench.start()

        assert [frame["event"] for frame in bench.to_phone(bench.commands)] == ["media", "mark", "media", "mark"]
        assert bench.to_model(bench.commands)[0]["type"] == "session.update"

    def test_is_told_to_the_model_once_it_was_heard(self) -> None:
        bench = Bench(opening_ms=[400])
        bench.start()

        bench.play_all()

        [item] = bench.sent_to_model("conversation.item.create")
        assert item["item"]["content"] == [{"type": "output_text", "text": "Hello there caller."}]

    def test_cut_short_is_told_as_far_as_it_was_heard(self) -> None:
        bench = Bench(opening_ms=[300, 300, 300])
        bench.start()
        bench.now = 300.0
        bench.session.phone(_mark(bench, 0), bench.now)

        bench.model("input_audio_buffer.speech_started", item_id="item_u1")

        [item] = bench.sent_to_model("conversation.item.create")
        assert item["item"]["content"][0]["text"] == "Hello"


class TestPassThrough:
    def test_caller_audio_reaches_the_model_untouched(self, bench: Bench) -> None:
        bench.hear(20)

        assert bench.sent_to_model("input_audio_buffer.append") == [
            {"type": "input_audio_buffer.append", "audio": mulaw(20)}
        ]

    def test_agent_audio_reaches_the_phone_untouched_with_a_mark_behind_it(self, bench: Bench) -> None:
        bench.model("response.created", response={"id": "r"})

        commands = bench.model("response.output_audio.delta", response_id="r", item_id="i", delta=mulaw(40))

        media, mark = bench.to_phone(commands)
        assert media["media"]["payload"] == mulaw(40)
        assert mark["event"] == "mark"


class TestBargeIn:
    def test_silences_the_phone_before_anything_else(self, bench: Bench) -> None:
        bench.caller_says("How do I reset my password?")
        bench.agent_says("Open the sign-in page and choose Forgot password.")

        commands = bench.model("input_audio_buffer.speech_started", item_id="item_u2")

        assert bench.to_phone(commands[:1])[0]["event"] == "clear"

    def test_truncates_where_the_caller_stopped_hearing(self, bench: Bench) -> None:
        """The first 100 ms were confirmed 30 ms late, 140 ms ago: 240 ms were heard, whatever was sent."""
        bench.agent_says("Open the sign-in page and choose Forgot password.", ms=1000)
        bench.now += 130
        bench.session.phone(_mark(bench, 0), bench.now)
        bench.now += 140

        bench.model("input_audio_buffer.speech_started", item_id="item_u2")

        [truncate] = bench.sent_to_model("conversation.item.truncate")
        assert truncate == {
            "type": "conversation.item.truncate",
            "item_id": "item_a1",
            "content_index": 0,
            "audio_end_ms": 240,
        }

    def test_is_not_misled_by_one_mark_that_was_held_up_on_its_way(self, bench: Bench) -> None:
        bench.agent_says("A long answer.", ms=5000)
        bench.now += 110
        bench.session.phone(_mark(bench, 0), bench.now)
        bench.now = 2200
        bench.session.phone(_mark(bench, 1), bench.now)

        bench.model("input_audio_buffer.speech_started", item_id="item_u2")

        assert bench.sent_to_model("conversation.item.truncate")[0]["audio_end_ms"] == 2190

    def test_never_claims_more_heard_than_was_sent(self, bench: Bench) -> None:
        bench.model("response.created", response={"id": "r"})
        bench.model("response.output_audio.delta", response_id="r", item_id="i", delta=mulaw(100))
        bench.now += 5000

        bench.model("input_audio_buffer.speech_started", item_id="item_u2")

        assert bench.sent_to_model("conversation.item.truncate")[0]["audio_end_ms"] == 100

    def test_of_an_answer_heard_to_its_end_forgets_nothing(self, bench: Bench) -> None:
        """Its last mark is still on its way back."""
        bench.agent_says("Yes.", ms=100)
        bench.now += 150

        bench.model("input_audio_buffer.speech_started", item_id="item_u2")

        assert bench.sent_to_model("conversation.item.truncate") == []

    def test_of_what_was_queued_behind_another_item_forgets_all(self, bench: Bench) -> None:
        bench.agent_says("Let me look that up for you.", ms=500, item="item_a1")
        bench.agent_says("Here it is.", ms=500, response="resp_2", item="item_a2")
        bench.now += 200

        bench.model("input_audio_buffer.speech_started", item_id="item_u2")

        truncated = bench.sent_to_model("conversation.item.truncate")
        assert [(event["item_id"], event["audio_end_ms"]) for event in truncated] == [("item_a1", 200), ("item_a2", 0)]

    def test_of_a_response_that_had_no_sound_yet_leaves_none_of_it(self, bench: Bench) -> None:
        bench.model("response.created", response={"id": "r"})
        bench.model("input_audio_buffer.speech_started", item_id="item_u2")

        bench.model("response.output_item.done", item={"type": "message", "id": "i", "status": "incomplete"})

        assert [event["item_id"] for event in bench.sent_to_model("conversation.item.delete")] == ["i"]

    def test_cancels_the_active_response_and_drops_what_still_arrives(self, bench: Bench) -> None:
        bench.model("response.created", response={"id": "r"})
        bench.model("response.output_audio.delta", response_id="r", item_id="i", delta=mulaw(100))
        bench.model("input_audio_buffer.speech_started", item_id="item_u2")

        late = bench.model("response.output_audio.delta", response_id="r", item_id="i", delta=mulaw(100))

        assert bench.sent_to_model("response.cancel") == [{"type": "response.cancel", "response_id": "r"}]
        assert late == [Count("late_audio_dropped")]

    def test_marks_echoed_by_the_clear_are_not_taken_for_heard(self, bench: Bench) -> None:
        bench.caller_says("Hi.")
        bench.agent_says("One two three four five six seven eight nine ten.", ms=1000)
        bench.model("input_audio_buffer.speech_started", item_id="item_u2")
        bench.play_all()

        bench.model("input_audio_buffer.speech_stopped", item_id="item_u2", audio_end_ms=2000)

        [turn] = bench.turns
        assert turn.agent_text == ""
        assert turn.interrupted

    def test_while_the_agent_is_silent_clears_nothing(self, bench: Bench) -> None:
        commands = bench.model("input_audio_buffer.speech_started", item_id="item_u1")

        assert bench.to_phone(commands) == []
        assert bench.sent_to_model("response.cancel") == []


class TestTools:
    def test_answer_goes_back_and_a_response_is_asked_for_once_none_is_active(self, bench: Bench) -> None:
        bench.caller_says("How do I reset my password?")
        bench.asks_tool("lookup_article", '{"query": "reset password"}')

        bench.session.tool_answered("call_1", ToolAnswer('{"passages": []}'), bench.now)

        output, ask = bench.to_model(bench.take())
        assert output["item"] == {
            "type": "function_call_output",
            "call_id": "call_1",
            "output": '{"passages": []}',
        }
        assert ask == {"type": "response.create"}

    def test_answer_before_the_response_is_done_waits_with_asking(self, bench: Bench) -> None:
        bench.model("response.created", response={"id": "r"})
        call = {"type": "function_call", "status": "completed", "call_id": "c", "name": "lookup_article"}
        bench.model("response.output_item.done", item=call)
        bench.session.tool_answered("c", ToolAnswer("{}"), bench.now)
        assert bench.sent_to_model("response.create") == []

        bench.take()
        bench.model("response.done", response={"id": "r"})

        assert len(bench.sent_to_model("response.create")) == 1

    def test_answer_while_the_caller_speaks_asks_nothing(self, bench: Bench) -> None:
        """The end of their speech makes the model respond by itself; asking too would be a second response."""
        bench.asks_tool("lookup_article")
        bench.model("input_audio_buffer.speech_started", item_id="item_u2")

        bench.session.tool_answered("call_1", ToolAnswer("{}"), bench.now)

        bench.take()
        assert bench.sent_to_model("response.create") == []

    def test_fragments_of_an_interrupted_call_do_not_run(self, bench: Bench) -> None:
        item = {"type": "function_call", "status": "incomplete", "call_id": "c", "name": "handoff_to_human"}

        bench.model("response.output_item.done", item=item)

        assert bench.tools == []

    def test_what_was_found_is_known_to_the_gate(self, bench: Bench) -> None:
        bench.caller_says("How do I reset my password?")
        bench.asks_tool("lookup_article")

        answer = ToolAnswer("{}", chunk_ids=["kb_aaaaaaaaaaaa"], confidence=0.91)
        bench.session.tool_answered("call_1", answer, bench.now)

        assert bench.session.confidence == 0.91
        assert bench.session.chunk_ids == ["kb_aaaaaaaaaaaa"]
        assert bench.session.caller_text == "How do I reset my password?"


class TestTurn:
    def test_is_reported_once_its_answer_was_heard(self, bench: Bench) -> None:
        bench.caller_says("How do I reset my password?")
        bench.now += 120
        bench.agent_says("Choose Forgot password.")
        assert bench.turns == []

        bench.play_all()

        [turn] = bench.turns
        assert (turn.number, turn.caller_text) == (1, "How do I reset my password?")
        assert turn.agent_text == "Choose Forgot password."

    def test_has_two_clocks(self, bench: Bench) -> None:
        """First audio 120 ms after the end was detected; the caller had really stopped 500 ms of silence earlier."""
        bench.caller_says("How do I reset my password?")
        bench.now += 120
        bench.agent_says("Choose Forgot password.")

        bench.play_all()

        [turn] = bench.turns
        assert turn.timing.first_audio_ms == 120
        assert turn.timing.turn_gap_ms == 620

    def test_keeps_the_words_up_to_where_it_was_cut(self, bench: Bench) -> None:
        bench.caller_says("How?")
        bench.agent_says("one two three four five six seven eight nine ten", ms=1000)
        bench.now += 500
        bench.model("input_audio_buffer.speech_started", item_id="item_u2")

        bench.model("input_audio_buffer.speech_stopped", item_id="item_u2", audio_end_ms=3000)

        [turn] = bench.turns
        assert turn.agent_text == "one two three four five"

    def test_counts_the_tokens_of_all_its_responses(self, bench: Bench) -> None:
        bench.caller_says("How?")
        usage = {
            "input_token_details": {"text_tokens": 10, "audio_tokens": 20, "cached_tokens": 5},
            "output_token_details": {"text_tokens": 1, "audio_tokens": 30},
        }
        for response in ("r1", "r2"):
            bench.model("response.created", response={"id": response})
            bench.model("response.done", response={"id": response, "usage": usage})

        bench.hang_up()

        [turn] = bench.turns
        assert (turn.usage.input_audio, turn.usage.cached, turn.usage.output_audio) == (40, 10, 60)

    def test_says_when_it_was_whoever_spoke_over_its_answer(self) -> None:
        bench = Bench(clock_zero=1_000_000)
        bench.start()
        bench.caller_says("How?")
        bench.agent_says("Choose Forgot password.", ms=8000)
        bench.wait(2000)

        bench.caller_says("And by phone?", "item_u2")

        times = bench.turns[0].timing
        clocks = [iso.removeprefix("1970-01-01T00:16:") for iso in (times.spoke_at, times.stopped_at, times.ended_at)]
        assert clocks == ["40.000+00:00", "41.500+00:00", "45.000+00:00"]

    def test_says_when_it_was_of_a_sound_that_another_sound_made_a_turn_of(self) -> None:
        bench = Bench(clock_zero=1_000_000, rules=CallRules())
        bench.start()
        bench.agent_says("Choose Forgot password.", ms=8000)
        bench.wait(1000)
        bench.model("input_audio_buffer.speech_started", item_id="item_u1")
        bench.wait(200)
        bench.model("input_audio_buffer.speech_stopped", item_id="item_u1", audio_end_ms=0)
        bench.wait(100)

        bench.caller_says("No, by phone.", "item_u2")

        first, second = (command for command in bench.commands if isinstance(command, TurnBegan))
        assert (first.number, second.number) == (1, 2)
        bench.hang_up()
        [turn] = bench.turns
        assert turn.timing.spoke_at.endswith("41.300+00:00")
        assert bench.commands.index(first) < bench.commands.index(CallerSpeaks(), bench.commands.index(first))


class TestFarewell:
    def test_is_reported_when_the_words_before_the_move_were_heard(self, bench: Bench) -> None:
        bench.caller_says("My invoice charged us twice.")
        bench.asks_tool("handoff_to_human")
        bench.session.tool_answered("call_1", ToolAnswer("{}", farewell=True), bench.now)
        bench.take()
        bench.agent_says("I am connecting you.", response="resp_2")
        assert FactKind.FAREWELL_PLAYED not in [report.kind for report in bench.reports]

        bench.play_all()

        assert FactKind.FAREWELL_PLAYED in [report.kind for report in bench.reports]


class TestEnd:
    def test_reports_the_turn_under_way_and_then_the_end(self, bench: Bench) -> None:
        bench.caller_says("Thanks, bye.")

        bench.hang_up()

        kinds = [report.kind for report in bench.reports]
        assert kinds[-2:] == [FactKind.TURN_FINISHED, FactKind.STREAM_ENDED]
        assert bench.reports[-1].detail == "caller_hung_up"

    def test_comes_once(self, bench: Bench) -> None:
        bench.hang_up()

        bench.session.end("bridge_lost", bench.now)

        assert bench.take() == []


class TestUnderWay:
    def test_the_callers_words_are_told_before_they_are_answered(self, bench: Bench) -> None:
        """A bridge that dies now must not take the question with it."""
        bench.caller_says("How do I reset my password?")

        assert [r.turn.caller_text for r in bench.reports if r.kind is FactKind.CALLER_SAID and r.turn] == [
            "How do I reset my password?"
        ]


class TestNonsense:
    @pytest.mark.parametrize(
        "event",
        [
            {},
            {"type": "no.such.event"},
            {"type": "response.done"},
            {"type": "response.done", "response": "x"},
            {"type": "response.output_item.done", "item": None},
            {"type": "error"},
            {"type": "response.output_audio.delta"},
        ],
    )
    def test_of_the_model_is_counted_and_never_fatal(self, bench: Bench, event: dict[str, object]) -> None:
        bench.session.model(event, bench.now)

        assert all(isinstance(command, Count) for command in bench.take())


def _mark(bench: Bench, index: int) -> MarkReached:
    return MarkReached(bench.marks[index])
