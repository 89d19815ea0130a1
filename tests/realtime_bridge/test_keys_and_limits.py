"""Keys and limits of a call, without a socket or a clock."""

import pytest

from firstline.domain.facts import FactKind
from firstline.domain.gate import RuntimeCause
from realtime_bridge.protocol.commands import AskForPerson
from realtime_bridge.protocol.phrases import CallPhrases
from realtime_bridge.protocol.rules import CallRules
from tests.realtime_bridge.calls import Bench, phrase

PHRASES = CallPhrases(
    getting_person=phrase("Let me get a person for you.", 1200),
    limit_warning=phrase("We have a minute left.", 1200),
    limit_goodbye=phrase("I have to end the call here. Goodbye.", 1600),
)
MINUTE = 60_000.0
USAGE = {"input_token_details": {"audio_tokens": 100}}


@pytest.fixture
def bench() -> Bench:
    bench = Bench(phrases=PHRASES)
    bench.start()
    return bench


def typed(bench: Bench) -> list[str]:
    items = [event["item"] for event in bench.sent_to_model("conversation.item.create")]
    return [item["content"][0]["text"] for item in items if item.get("role") == "user"]


class TestKeys:
    def test_0_asks_for_a_person(self, bench: Bench) -> None:
        bench.press("0")

        assert [c.cause for c in bench.commands if isinstance(c, AskForPerson)] == [RuntimeCause.PRESSED_ZERO]

    def test_0_stops_the_agent(self, bench: Bench) -> None:
        bench.agent_says("A long story.", ms=5000)

        commands = bench.press("0")

        assert bench.to_phone(commands)[0]["event"] == "clear"

    def test_digits_reach_the_model_together_after_a_pause_and_are_answered(self, bench: Bench) -> None:
        bench.press("47")
        bench.wait(1500)
        bench.press("10")
        bench.wait(1999)
        assert typed(bench) == []

        bench.wait(1)

        assert typed(bench) == ["The caller typed 4710."]
        assert len(bench.sent_to_model("response.create")) == 1

    def test_hash_ends_the_number(self, bench: Bench) -> None:
        bench.press("4711#")

        assert typed(bench) == ["The caller typed 4711."]

    def test_are_written_down_by_their_number_only(self, bench: Bench) -> None:
        bench.press("4711#")
        bench.agent_says("Thank you.")
        bench.play_all()

        [turn] = bench.turns
        assert turn.caller_text == "[4 keys]"
        assert "4711" not in str(bench.reports)

    def test_without_an_end_are_cut(self, bench: Bench) -> None:
        bench.press("1" * 40)

        assert typed(bench) == [f"The caller typed {'1' * 32}."]


class TestLength:
    def test_is_warned_of_a_minute_before_and_ended_politely(self) -> None:
        bench = Bench(phrases=PHRASES, rules=CallRules(silence_step_ms=0, max_call_ms=10 * MINUTE))
        bench.start()
        bench.wait(9 * MINUTE - 1)
        assert bench.happened == []

        bench.wait(1)
        bench.play_all()
        bench.wait(MINUTE)
        bench.play_all()

        assert bench.happened == ["time_warning", "time_limit"]
        assert bench.session.ended
        assert (bench.reports[-1].kind, bench.reports[-1].detail) == (FactKind.STREAM_ENDED, "goodbye")

    def test_counts_from_the_calls_beginning_not_from_the_streams(self) -> None:
        bench = Bench(phrases=PHRASES, rules=CallRules(silence_step_ms=0, max_call_ms=10 * MINUTE), age_ms=9.5 * MINUTE)
        bench.start()

        bench.wait(0)

        assert bench.happened == ["time_warning"]

    def test_interrupts_nobody_for_a_warning(self) -> None:
        bench = Bench(phrases=PHRASES, rules=CallRules(silence_step_ms=0, max_call_ms=10 * MINUTE))
        bench.start()
        bench.wait(9 * MINUTE - 100)
        bench.model("input_audio_buffer.speech_started", item_id="item_u1")

        bench.wait(5000)

        assert bench.happened == []

    def test_lets_a_sentence_end_but_not_a_speech(self) -> None:
        bench = Bench(phrases=PHRASES, rules=CallRules(silence_step_ms=0, max_call_ms=10 * MINUTE))
        bench.start()
        bench.model("input_audio_buffer.speech_started", item_id="item_u1")
        bench.wait(10 * MINUTE + 14_999)
        assert bench.happened == []

        bench.wait(1)

        assert bench.happened == ["time_limit"]


class TestCost:
    def test_is_warned_of_near_the_cap_and_ends_the_call_at_it(self) -> None:
        rules = CallRules(silence_step_ms=0, max_call_usd=1.0)
        bench = Bench(phrases=PHRASES, rules=rules, price=lambda usage: usage.input_audio * 0.0085)
        bench.start()
        for number, expected in enumerate([["cost_warning"], ["cost_warning", "cost_limit"]]):
            bench.model("response.created", response={"id": f"r{number}"})
            bench.model("response.done", response={"id": f"r{number}", "usage": USAGE})
            bench.wait(0)
            bench.play_all()
            assert bench.happened == expected

        assert bench.session.ended

    def test_that_is_unknown_is_said_to_be_unknown_and_never_zero(self) -> None:
        bench = Bench(rules=CallRules(max_call_usd=0.01), price=lambda usage: None)
        bench.start()
        bench.model("response.created", response={"id": "r"})

        bench.model("response.done", response={"id": "r", "usage": USAGE})

        assert bench.happened == ["cost_unknown"]
