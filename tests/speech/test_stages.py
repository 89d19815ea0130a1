"""How long each part of a turn takes."""

from firstline.speech.answer import Begun, Call, Say
from firstline.speech.stages import Stopwatch


class Recorded(list[tuple[str, float]]):
    def __call__(self, stage: str, ms: float) -> None:
        self.append((stage, ms))


class TestStopwatch:
    def test_each_part_of_an_answered_turn(self) -> None:
        recorded = Recorded()
        watch = Stopwatch(recorded)

        watch.stopped(1000)
        watch.asked("r1", 1040)
        watch.answered("r1", Begun(), 1400)
        watch.answered("r1", Say("Seven days."), 1500)
        watch.speaks("r1", 1500)
        watch.sounds("r1", 1620)
        watch.sounds("r1", 1900)

        assert recorded == [
            ("transcription", 40),
            ("answer_first_token", 360),
            ("answer_first_clause", 460),
            ("speech_first_audio", 120),
            ("first_audio", 620),
        ]

    def test_the_first_sound_of_a_turn_may_be_the_second_response_s(self) -> None:
        recorded = Recorded()
        watch = Stopwatch(recorded)
        watch.stopped(1000)
        watch.asked("r1", 1000)
        watch.answered("r1", Call("lookup_article", "{}"), 1300)
        watch.over("r1")

        watch.asked("r2", 1320)
        watch.answered("r2", Say("Seven days."), 1720)
        watch.speaks("r2", 1720)
        watch.sounds("r2", 1800)

        assert ("first_audio", 800) in recorded
        assert [ms for stage, ms in recorded if stage == "transcription"] == [0]

    def test_what_was_cancelled_is_not_measured(self) -> None:
        recorded = Recorded()
        watch = Stopwatch(recorded)
        watch.asked("r1", 1000)
        watch.over("r1")

        watch.answered("r1", Say("Late."), 1500)
        watch.sounds("r1", 1600)

        assert recorded == []
