"""The first-audio benchmark draws what the case study measured, and tells the two ways apart."""

import pytest

from workers.bench.first_audio.run import run_first_audio_bench
from workers.bench.first_audio.stages import LOOKED_UP, STAGES_MS, code, decode, draw, spread, total


class TestDraws:
    def test_go_through_the_percentiles_they_come_from(self) -> None:
        drawn = [draw(7, call, turn) for call in range(60) for turn in range(60)]

        for stage, (p50, p95) in STAGES_MS.items():
            seen = spread(each[stage] * 1000 for each in drawn)
            assert (seen["p50"], seen["p95"]) == (pytest.approx(p50, rel=0.03), pytest.approx(p95, rel=0.03))

    def test_add_up_to_what_the_case_study_s_stages_add_up_to(self) -> None:
        drawn = [draw(7, call, turn) for call in range(60) for turn in range(60)]

        in_line, bare = spread(map(total, drawn)), spread(total(each, without=LOOKED_UP) for each in drawn)

        assert in_line == {"p50": pytest.approx(552, abs=5), "p95": pytest.approx(646, abs=6)}
        assert bare == {"p50": pytest.approx(440, abs=5), "p95": pytest.approx(526, abs=6)}

    @pytest.mark.parametrize(("call", "turn"), [(0, 0), (49, 9), (999, 1295)])
    def test_are_found_by_the_word_that_names_the_turn(self, call: int, turn: int) -> None:
        assert decode(code(call, turn)) == (call, turn)

    def test_are_not_found_by_another_word(self) -> None:
        with pytest.raises(ValueError, match="names no turn"):
            decode("password")


async def test_a_short_run_has_the_passages_there_when_it_searches_ahead_and_asks_when_not() -> None:
    report = await run_first_audio_bench(calls=2, turns=1, seed=3)

    assert (report["on"]["passages_there"], report["on"]["asked_by_model"]) == (1.0, 0)
    assert (report["off"]["passages_there"], report["off"]["asked_by_model"]) == (0.0, 2)
    assert report["off"]["quoted"] == 0
