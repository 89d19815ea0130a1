"""Who is with the caller, whatever the order in which the news comes."""

from itertools import permutations

import pytest

from firstline.domain.handoff import RepAnswer
from firstline.domain.reps import Reps

ADA, BEN = "+15550100201", "+15550100202"
LEG, OTHER = "CA" + "1" * 32, "CA" + "2" * 32


class TestWhoIsWithTheCaller:
    @pytest.mark.parametrize("order", list(permutations(range(3))))
    def test_is_the_rep_who_was_rung_said_yes_and_joined_in_any_order(self, order: tuple[int, ...]) -> None:
        reps = Reps()
        news = [lambda: reps.rung(ADA, LEG), lambda: reps.answered(ADA, RepAnswer.ACCEPTED), lambda: reps.joined(LEG)]

        for number in order:
            news[number]()

        assert (reps.with_caller, reps.accepted) == (ADA, ADA)

    def test_is_whoever_said_yes_when_nobody_knows_the_leg(self) -> None:
        reps = Reps()
        reps.rung(BEN, OTHER)
        reps.answered(ADA, RepAnswer.ACCEPTED)

        reps.joined(LEG)

        assert reps.with_caller == ADA

    def test_is_nobody_as_long_as_nobody_joined(self) -> None:
        reps = Reps()
        reps.rung(ADA, LEG)
        reps.answered(ADA, RepAnswer.ACCEPTED)

        assert (reps.with_caller, reps.accepted) == (None, ADA)

    def test_is_still_the_rep_when_their_leg_ends_after_the_conversation(self) -> None:
        reps = Reps()
        reps.rung(ADA, LEG)
        reps.answered(ADA, RepAnswer.ACCEPTED)
        reps.joined(LEG)

        reps.answered(ADA, RepAnswer.DECLINED)

        assert (reps.with_caller, reps.is_lost(ADA)) == (ADA, False)


class TestALostRep:
    @pytest.mark.parametrize("known_late", [False, True])
    def test_has_no_leg_to_end_and_does_not_join_any_more(self, known_late: bool) -> None:
        reps = Reps()
        if not known_late:
            reps.rung(ADA, LEG)
        reps.answered(ADA, RepAnswer.ACCEPTED)
        reps.answered(ADA, RepAnswer.NO_ANSWER)
        if known_late:
            reps.rung(ADA, LEG)

        reps.joined(LEG)

        assert (reps.is_lost(ADA), reps.live_leg(ADA), reps.with_caller) == (True, None, None)

    def test_who_was_let_go_cannot_take_the_call_by_a_late_key(self) -> None:
        reps = Reps()
        reps.rung(ADA, LEG)
        reps.let_go(ADA)

        assert reps.answered(ADA, RepAnswer.ACCEPTED) is False
        assert reps.accepted is None
