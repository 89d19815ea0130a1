"""Five outcomes, one definition each."""

import pytest

from firstline.domain.call import Outcome
from firstline.domain.handoff import HandoffResult, HandoffState
from firstline.domain.outcome import answered, decide_outcome
from firstline.domain.turn import Turn

ANSWERED = Turn(1, "How?", "Like this.", confidence=0.9)
UNSURE = Turn(1, "How?", "Perhaps.", confidence=0.69)
CHAT = Turn(1, "Hello", "Hello!")
CUT_OFF = Turn(1, "How?", "", confidence=0.9)
BRIDGED = HandoffResult(HandoffState.BRIDGED, "+15550100201", 4000)
FAILSAFE = HandoffResult(HandoffState.FAILSAFE)
LEFT = HandoffResult(HandoffState.CALLER_LEFT)


class TestAnOutcome:
    @pytest.mark.parametrize(
        ("turns", "handoff", "callback", "expected"),
        [
            ([ANSWERED], None, False, Outcome.RESOLVED),
            ([UNSURE, ANSWERED], None, False, Outcome.RESOLVED),
            ([UNSURE], None, False, Outcome.ABANDONED),
            ([CHAT], None, False, Outcome.ABANDONED),
            ([CUT_OFF], None, False, Outcome.ABANDONED),
            ([], None, False, Outcome.ABANDONED),
            ([ANSWERED], None, True, Outcome.CALLBACK),
            ([ANSWERED], BRIDGED, True, Outcome.TRANSFERRED),
            ([ANSWERED], FAILSAFE, True, Outcome.FAILSAFE),
            ([ANSWERED], LEFT, True, Outcome.CALLBACK),
            ([ANSWERED], LEFT, False, Outcome.ABANDONED),
        ],
    )
    def test_follows_the_first_rule_that_applies(
        self, turns: list[Turn], handoff: HandoffResult | None, callback: bool, expected: Outcome
    ) -> None:
        assert decide_outcome(turns, handoff, callback) is expected


class TestAnAnswer:
    def test_needs_confidence_at_the_gate_and_words_that_were_heard(self) -> None:
        assert [answered(turn) for turn in (ANSWERED, UNSURE, CHAT, CUT_OFF)] == [True, False, False, False]

    def test_is_one_at_exactly_the_gate(self) -> None:
        assert answered(Turn(1, "How?", "Like this.", confidence=0.7))
