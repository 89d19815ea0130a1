"""Telling an interruption from a listener's sound, without a socket or a clock."""

import pytest

from realtime_bridge.protocol.rules import CallRules
from tests.realtime_bridge.calls import Bench, mulaw

ANSWER = "one two three four five six seven eight nine ten"


@pytest.fixture
def bench() -> Bench:
    """400 ms into an answer of 2 s whose words are all there."""
    bench = Bench(rules=CallRules(barge_in_after_ms=1000))
    bench.start()
    bench.caller_says("How?")
    bench.agent_says(ANSWER, ms=2000)
    bench.now += 400
    return bench


def sound(bench: Bench, words: str | None, ms: int = 300, item: str = "item_u2") -> None:
    """The caller makes a sound; the server tells its end after 500 ms of silence, and its words right then."""
    bench.model("input_audio_buffer.speech_started", item_id=item)
    bench.now += ms + 500
    bench.model("input_audio_buffer.speech_stopped", item_id=item, audio_end_ms=9000)
    if words is not None:
        bench.model("conversation.item.input_audio_transcription.completed", item_id=item, transcript=words)


def cut_off(bench: Bench) -> bool:
    return bool(bench.sent_to_model("conversation.item.truncate"))


class TestAnySound:
    def test_silences_the_phone_in_the_same_callback(self, bench: Bench) -> None:
        commands = bench.model("input_audio_buffer.speech_started", item_id="item_u2")

        assert [frame["event"] for frame in bench.to_phone(commands)] == ["clear"]

    def test_is_an_interruption_at_once_before_the_model_has_said_anything(self, bench: Bench) -> None:
        """Nobody hears an answer that could go on: the next one is to know of the sound, too."""
        bench.play_all()
        bench.caller_says("And now?", "item_u2")
        bench.model("response.created", response={"id": "r"})

        bench.model("input_audio_buffer.speech_started", item_id="item_u3")

        assert [event["response_id"] for event in bench.sent_to_model("response.cancel")] == ["r"]

    def test_is_an_interruption_at_once_where_the_rule_is_off(self) -> None:
        bench = Bench(rules=CallRules(barge_in_after_ms=0))
        bench.start()
        bench.agent_says(ANSWER, ms=2000)

        bench.model("input_audio_buffer.speech_started", item_id="item_u2")

        assert cut_off(bench)


class TestInterruption:
    def test_is_a_sound_that_lasts(self, bench: Bench) -> None:
        bench.model("input_audio_buffer.speech_started", item_id="item_u2")
        bench.wait(999)
        assert not cut_off(bench)

        bench.wait(1)

        assert bench.sent_to_model("conversation.item.truncate")[0]["audio_end_ms"] == 400

    def test_is_known_by_its_first_words(self, bench: Bench) -> None:
        bench.model("input_audio_buffer.speech_started", item_id="item_u2")
        bench.now += 300

        bench.model("conversation.item.input_audio_transcription.delta", item_id="item_u2", delta="Wait, I")

        assert cut_off(bench)

    def test_is_a_short_word_that_asks_for_something(self, bench: Bench) -> None:
        sound(bench, "Stop.")

        assert bench.sent_to_model("conversation.item.truncate")[0]["audio_end_ms"] == 400
        assert bench.turns[0].agent_text == "one two"
        assert bench.turns[0].interrupted

    def test_is_told_to_the_model_before_it_is_answered(self, bench: Bench) -> None:
        """The server begins its answer when the sound ends; it is heard once it is known that one is due."""
        sound(bench, None)
        bench.model("response.created", response={"id": "r2"})
        bench.model("response.output_audio.delta", response_id="r2", item_id="i2", delta=mulaw(100))
        before = len(bench.to_phone(bench.commands))

        bench.model("conversation.item.input_audio_transcription.completed", item_id="item_u2", transcript="No!")

        assert bench.to_phone(bench.commands)[before]["event"] == "media"
        assert cut_off(bench)

    def test_is_a_sound_whose_words_do_not_come(self, bench: Bench) -> None:
        sound(bench, None)
        bench.wait(799)
        assert not cut_off(bench)

        bench.wait(1)

        assert cut_off(bench)

    def test_is_a_sound_after_a_sound(self, bench: Bench) -> None:
        sound(bench, None)

        bench.model("input_audio_buffer.speech_started", item_id="item_u3")

        assert cut_off(bench)
        assert bench.session.caller_speaking

    def test_is_yes_when_the_agent_was_asking(self) -> None:
        bench = Bench(rules=CallRules())
        bench.start()
        bench.caller_says("How?")
        bench.agent_says("Shall I connect you with a person?", ms=2000)
        bench.now += 400

        sound(bench, "Yes.")

        assert cut_off(bench)

    def test_keeps_both_clocks_of_its_turn(self, bench: Bench) -> None:
        """The end of speech counts from when it was detected, not from when it was understood."""
        sound(bench, None)
        bench.now += 200
        bench.model("conversation.item.input_audio_transcription.completed", item_id="item_u2", transcript="Stop.")
        bench.now += 100
        bench.agent_says("Yes?", response="r2", item="i2")
        bench.play_all()

        assert bench.turns[-1].timing.first_audio_ms == 300


class TestNoInterruption:
    @pytest.mark.parametrize("words", ["Mhm.", "Uh-huh.", "Yeah, okay.", "Right.", ""])
    def test_lets_the_agent_go_on_where_it_was_cut(self, bench: Bench, words: str) -> None:
        before = len(bench.to_phone(bench.commands))

        sound(bench, words)

        clear, *rest = bench.to_phone(bench.commands)[before:]
        again = [frame["media"]["payload"] for frame in rest if frame["event"] == "media"]
        assert clear["event"] == "clear"
        assert "".join(again) == mulaw(100) * 16
        assert not cut_off(bench)

    def test_ends_in_a_turn_that_was_heard_whole(self, bench: Bench) -> None:
        sound(bench, "Mhm.")

        bench.play_all()

        [turn] = bench.turns
        assert (turn.agent_text, turn.interrupted) == (ANSWER, False)
        assert bench.happened == ["backchannel"]

    def test_wants_no_answer(self, bench: Bench) -> None:
        """The server begins one by itself."""
        sound(bench, "Mhm.")
        bench.model("response.created", response={"id": "r2"})
        late = bench.model("response.output_audio.delta", response_id="r2", item_id="i2", delta=mulaw(100))
        bench.model("response.output_item.done", item={"type": "message", "id": "i2", "status": "incomplete"})

        assert [event["response_id"] for event in bench.sent_to_model("response.cancel")] == ["r2"]
        assert bench.to_phone(late) == []
        assert [event["item_id"] for event in bench.sent_to_model("conversation.item.delete")] == ["i2"]

    def test_runs_no_tool_that_the_model_asked_for_meanwhile(self, bench: Bench) -> None:
        sound(bench, None)
        bench.asks_tool("handoff_to_human")

        bench.model("conversation.item.input_audio_transcription.completed", item_id="item_u2", transcript="Okay.")

        assert bench.tools == []

    def test_is_followed_by_the_callers_next_words_as_ever(self, bench: Bench) -> None:
        sound(bench, "Mhm.")
        bench.play_all()

        bench.caller_says("And then?", "item_u3")
        bench.agent_says("That is all.", response="r3", item="i3")
        bench.play_all()

        assert [turn.caller_text for turn in bench.turns] == ["How?", "And then?"]
        assert bench.turns[-1].agent_text == "That is all."

    def test_then_an_interruption_is_cut_where_it_was_heard_in_all(self, bench: Bench) -> None:
        sound(bench, "Mhm.")
        bench.now += 500

        sound(bench, "Stop.", item="item_u3")

        assert bench.sent_to_model("conversation.item.truncate")[0]["audio_end_ms"] == 900

    def test_over_the_greeting_does_not_cost_the_rest_of_it(self) -> None:
        bench = Bench(opening_ms=[400, 400, 400], rules=CallRules())
        bench.start()
        bench.now = 500.0

        sound(bench, "")
        bench.play_all()

        [item] = bench.sent_to_model("conversation.item.create")
        assert item["item"]["content"][0]["text"] == "Hello there caller."
        assert bench.happened == ["noise"]
