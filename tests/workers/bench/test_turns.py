"""What the benchmark of turns makes of the turns it held."""

from dataclasses import replace

from firstline.domain.turn import Lookup, Turn, TurnTiming
from workers.bench.turns import compared, figures


def turn(lookup: Lookup, first_audio: float = 500.0, saved: float = 0.0, searches: int = 1) -> Turn:
    timing = TurnTiming(first_audio, first_audio + 500, {"retrieval": 0.0, "retrieval_saved": saved})
    return Turn(1, "How?", "So.", timing=timing, lookup=lookup, searches_ahead=searches)


class TestLookups:
    def test_count_hits_among_the_turns_that_needed_one_and_waste_among_all_searches(self) -> None:
        turns = [
            turn(Lookup.QUOTED, saved=60),
            turn(Lookup.AHEAD, saved=40, searches=3),
            turn(Lookup.SEARCHED),
            turn(Lookup.NONE),
        ]

        found = figures(turns)["lookups"]

        assert (found["quoted"], found["ahead"], found["searched"]) == (1, 1, 1)
        assert (found["hit_rate"], found["waste"]) == (round(2 / 3, 3), round(4 / 6, 3))
        assert found["saved_ms"]["p50"] == 40

    def test_of_nobody_are_unknown_and_not_zero(self) -> None:
        found = figures([turn(Lookup.NONE, searches=0)])["lookups"]

        assert (found["hit_rate"], found["waste"], found["saved_ms"]) == (None, None, None)


class TestBothWays:
    def test_compare_only_turns_that_were_held_both_ways(self) -> None:
        on = [[turn(Lookup.QUOTED, 400), turn(Lookup.QUOTED, 300)], [turn(Lookup.QUOTED, 350)]]
        off = [[turn(Lookup.SEARCHED, 500)], [turn(Lookup.SEARCHED, 400)]]

        report = compared(on, off)

        assert report["paired_turns"] == 2
        assert report["sooner_ms"] == {"p50": 75.0, "p95": 97.5, "mean": 75.0}

    def test_leave_out_a_turn_that_was_not_answered(self) -> None:
        silent = replace(turn(Lookup.NONE), timing=TurnTiming())

        report = compared([[silent, turn(Lookup.AHEAD, 300)]], [[turn(Lookup.SEARCHED), turn(Lookup.SEARCHED, 400)]])

        assert report["paired_turns"] == 1
