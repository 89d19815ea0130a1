"""Each flag has one definition."""

import json
from dataclasses import replace

from firstline.domain.flags import Flag, FlagKind, flags_of, kinds
from firstline.domain.groundedness import groundedness
from firstline.domain.turn import ToolUse, Turn, TurnTiming

GOOD = Turn(1, "How?", "", confidence=0.9, timing=TurnTiming(first_audio_ms=700.0))


def looked_up(answer: str, passage: str, confidence: float = 0.9, asked: str = "How?") -> Turn:
    """A turn whose model was given this passage and said this."""
    output = json.dumps({"passages": [{"title": "", "heading": "", "text": passage}]})
    return Turn(1, asked, answer, confidence=confidence, tools=[ToolUse("lookup_article", "{}", output, 30.0)])


def found(*turns: Turn, handoff_reason: str | None = None) -> list[FlagKind]:
    return [flag.kind for flag in flags_of(turns, handoff_reason)]


class TestAFlag:
    def test_is_not_raised_for_a_call_that_went_well(self) -> None:
        assert found(GOOD, replace(GOOD, number=2)) == []

    def test_of_low_confidence_is_raised_below_the_gate_only(self) -> None:
        assert found(replace(GOOD, confidence=0.69)) == [FlagKind.LOW_CONFIDENCE]
        assert found(replace(GOOD, confidence=0.7)) == []
        assert found(replace(GOOD, confidence=None)) == []

    def test_of_latency_is_raised_for_each_turn_past_the_promise(self) -> None:
        slow = replace(GOOD, timing=TurnTiming(first_audio_ms=700.1))

        assert flags_of([slow, replace(slow, number=2), replace(GOOD, number=3)], None) == [
            Flag(FlagKind.LATENCY_OUTLIER, 1, "first_audio_ms 700, SLO 700"),
            Flag(FlagKind.LATENCY_OUTLIER, 2, "first_audio_ms 700, SLO 700"),
        ]

    def test_of_a_handoff_belongs_to_the_call_and_says_why(self) -> None:
        assert flags_of([GOOD], "caller_request") == [Flag(FlagKind.HANDOFF, 0, "caller_request")]

    def test_of_a_storm_needs_three_interruptions_close_together(self) -> None:
        calm = [replace(GOOD, number=number, interrupted=number in (1, 4, 8)) for number in range(1, 10)]
        storm = [replace(GOOD, number=number, interrupted=number in (2, 4, 6)) for number in range(1, 10)]

        assert found(*calm) == []
        assert flags_of(storm, None) == [Flag(FlagKind.BARGE_IN_STORM, 6, "3 of 5 turns cut off")]

    def test_kinds_are_named_once_for_the_search_attribute(self) -> None:
        slow = replace(GOOD, confidence=0.1, timing=TurnTiming(first_audio_ms=900))

        assert kinds(flags_of([slow, replace(slow, number=2)], None)) == ["latency_outlier", "low_confidence"]


class TestGroundedness:
    def test_of_an_answer_from_its_passage_is_whole_whatever_the_form_of_its_words(self) -> None:
        turn = looked_up("Open Settings and click Seats.", "In the settings, clicking Seats opens the seat list.")

        assert groundedness(turn) == 1.0

    def test_of_words_from_nowhere_is_flagged_though_the_runtime_was_sure(self) -> None:
        turn = looked_up("Your warranty covers accidental water damage worldwide.", "Open the settings to add seats.")

        assert groundedness(turn) == 0.0
        assert found(turn) == [FlagKind.GROUNDEDNESS_NEAR_MISS]

    def test_counts_numbers_however_short(self) -> None:
        assert groundedness(looked_up("It takes 14 days.", "It takes 30 days.")) == 2 / 3

    def test_takes_no_word_of_the_caller_s_for_a_claim(self) -> None:
        turn = looked_up("Your dashboard is open.", "Press open.", asked="Where is my dashboard?")

        assert groundedness(turn) == 2 / 3

    def test_cannot_be_judged_without_passages_or_without_an_answer(self) -> None:
        broken = replace(GOOD, agent_text="Open settings.", tools=[ToolUse("lookup_article", "{}", "not json", 1.0)])

        assert [groundedness(turn) for turn in (GOOD, broken, looked_up("OK.", "Some text."))] == [None, None, None]

    def test_of_an_unsure_answer_is_left_to_the_other_flag(self) -> None:
        assert found(looked_up("Something invented entirely.", "Open settings.", confidence=0.2)) == [
            FlagKind.LOW_CONFIDENCE
        ]
