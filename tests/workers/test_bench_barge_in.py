"""The barge-in benchmark: its phone, and that its rules matter."""

from typing import Any

import numpy as np

from realtime_bridge.protocol.rules import CallRules
from workers.bench.barge_in.rig import Rig
from workers.bench.barge_in.sounds import COUGHS, LEVELS_DB, Kind, Sound, line_of

VAD = "input_audio_buffer"
WORDS = "conversation.item.input_audio_transcription.completed"


def sound(words: str) -> list[tuple[float, dict[str, Any]]]:
    """300 ms of sound at 2 s, detected 100 ms late."""
    return [
        (2100.0, {"type": f"{VAD}.speech_started", "item_id": "u", "audio_start_ms": 1700}),
        (2800.0, {"type": f"{VAD}.speech_stopped", "item_id": "u", "audio_end_ms": 2800}),
        (3000.0, {"type": WORDS, "item_id": "u", "transcript": words}),
    ]


def react(words: str, after_ms: float, *, generating: bool = False, length_ms: float = 5000.0) -> Any:
    return Rig(CallRules(barge_in_after_ms=after_ms), generating=generating).run(sound(words), length_ms)


class TestRig:
    def test_tells_an_agent_that_goes_on_from_one_that_was_cut_off(self) -> None:
        went_on, stopped = react("Mhm.", 1500.0), react("Stop.", 1500.0)

        assert (went_on.silenced_at, went_on.resumed_at, went_on.cut_off_at) == (2100.0, 3000.0, None)
        assert (stopped.silenced_at, stopped.cut_off_at) == (2100.0, 3000.0)

    def test_hears_all_of_an_answer_that_was_still_being_made(self) -> None:
        went_on, stopped = (react(words, 1500.0, generating=True, length_ms=10_000.0) for words in ("Mhm.", "Stop."))

        assert (went_on.resumed_at, went_on.cut_off_at, went_on.heard_ms) == (3000.0, None, 8000.0)
        assert (stopped.cut_off_at, stopped.heard_ms) == (3000.0, stopped.truth_ms)

    def test_of_the_old_rule_is_cut_off_by_everything(self) -> None:
        assert react("Mhm.", 0.0).cut_off_at == 2100.0

    def test_knows_what_was_truly_heard(self) -> None:
        stopped = react("Stop.", 1500.0)

        assert stopped.told_ms is not None
        assert abs(stopped.told_ms - stopped.truth_ms) <= 20


def test_a_line_has_the_sound_in_its_place_and_noise_around_it() -> None:
    line = line_of(Sound(Kind.COUGH, "burst", -6.0, np.full(800, 0.5, np.float32)), before_ms=1000, after_ms=500)

    assert len(line) == 8000 + 800 + 4000
    assert np.flatnonzero(np.abs(line) > 0.25)[[0, -1]].tolist() == [8000, 8799]
    assert COUGHS * len(LEVELS_DB) == 36
