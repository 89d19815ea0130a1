"""Where a turn begins, pauses and ends."""

from collections.abc import Iterable

import numpy as np

from firstline.speech.audio import AudioFormat, encode
from firstline.speech.detect import FRAME_MS, Heard, Mark, TurnDetector, TurnSettings
from firstline.speech.engine import SpeechEngine
from firstline.speech.hear import CallerAudio


def feed(detector: TurnDetector, probabilities: Iterable[float]) -> list[Heard]:
    return [heard for each in probabilities if (heard := detector.feed(each))]


SPEECH, SILENCE = [0.9], [0.1]


class TestTurn:
    def test_starts_where_the_speech_began_not_where_it_was_noticed(self) -> None:
        detector = TurnDetector(TurnSettings())

        heard = feed(detector, SILENCE * 10 + SPEECH * 5)

        assert heard == [Heard(Mark.STARTED, 10 * FRAME_MS)]

    def test_a_click_starts_nothing(self) -> None:
        detector = TurnDetector(TurnSettings())

        assert feed(detector, SILENCE * 5 + SPEECH * 2 + SILENCE * 5) == []

    def test_a_pause_is_told_before_the_end_is_certain(self) -> None:
        detector = TurnDetector(TurnSettings(silence_duration_ms=500))

        heard = feed(detector, SPEECH * 10 + SILENCE * 20)

        assert [each.mark for each in heard] == [Mark.STARTED, Mark.PAUSED, Mark.STOPPED]
        assert heard[1].at_ms - 10 * FRAME_MS == 224  # the first whole frame after 200 ms
        assert heard[2].at_ms - 10 * FRAME_MS == 512  # and after 500 ms

    def test_who_goes_on_after_a_pause_has_not_finished(self) -> None:
        detector = TurnDetector(TurnSettings())

        heard = feed(detector, SPEECH * 10 + SILENCE * 8 + SPEECH * 5 + SILENCE * 20)

        expected = [Mark.STARTED, Mark.PAUSED, Mark.RESUMED, Mark.PAUSED, Mark.STOPPED]
        assert [each.mark for each in heard] == expected

    def test_speech_that_fades_a_little_goes_on(self) -> None:
        detector = TurnDetector(TurnSettings(threshold=0.5))

        assert [each.mark for each in feed(detector, SPEECH * 5 + [0.4] * 40)] == [Mark.STARTED]

    def test_silence_duration_is_the_sessions(self) -> None:
        detector = TurnDetector(TurnSettings(silence_duration_ms=1000))

        heard = feed(detector, SPEECH * 10 + SILENCE * 40)

        assert heard[-1] == Heard(Mark.STOPPED, (10 + 32) * FRAME_MS)

    def test_a_very_short_silence_still_pauses_first(self) -> None:
        detector = TurnDetector(TurnSettings(silence_duration_ms=64))

        heard = feed(detector, SPEECH * 10 + SILENCE * 5)

        assert [each.mark for each in heard] == [Mark.STARTED, Mark.PAUSED, Mark.STOPPED]


class TestRealSound:
    def test_a_spoken_sentence_is_one_turn(self, engine: SpeechEngine) -> None:
        silence = b"\xff" * 8000
        speech = engine.speaker.say("How do I reset my password?", "en", AudioFormat.PCMU)
        audio = CallerAudio(AudioFormat.PCMU, TurnSettings(), engine.speech_probability())

        heard = [mark for at in range(0, 8000, 160) for mark in audio.append(silence[at : at + 160])]
        heard += [mark for at in range(0, len(speech), 160) for mark in audio.append(speech[at : at + 160])]
        heard += [mark for at in range(0, 8000, 160) for mark in audio.append(silence[at : at + 160])]

        assert [each.mark for each in heard] == [Mark.STARTED, Mark.PAUSED, Mark.STOPPED]
        assert abs(heard[0].at_ms - 1000) < 150
        assert abs(heard[-1].at_ms - (1000 + len(speech) / 8 + 500)) < 350

    def test_noise_is_no_turn(self, engine: SpeechEngine) -> None:
        noise = np.random.default_rng(7).normal(0, 0.03, 3 * 8000).astype(np.float32)
        audio = CallerAudio(AudioFormat.PCMU, TurnSettings(), engine.speech_probability())

        assert audio.append(encode(noise, AudioFormat.PCMU)) == []

    def test_24_khz_is_heard_as_well(self, engine: SpeechEngine) -> None:
        speech = engine.speaker.say("How do I reset my password?", "en", AudioFormat.PCM)
        audio = CallerAudio(AudioFormat.PCM, TurnSettings(), engine.speech_probability())

        heard = audio.append(bytes(24_000) + speech + bytes(48_000))

        assert [each.mark for each in heard] == [Mark.STARTED, Mark.PAUSED, Mark.STOPPED]


class TestWhatIsKept:
    def test_a_silent_line_does_not_fill_the_memory(self) -> None:
        audio = CallerAudio(AudioFormat.PCMU, TurnSettings(prefix_padding_ms=300), lambda frame: 0.0)

        for _ in range(500):
            audio.append(b"\xff" * 160)

        assert audio.now_ms == 10_000
        assert audio.now_ms - audio.start_ms <= 1320

    def test_cutting_gives_the_sound_between_two_moments(self) -> None:
        audio = CallerAudio(AudioFormat.PCMU, None, lambda frame: 0.0)
        audio.append(b"\xff" * 800 + b"\x80" * 800)

        cut = audio.cut(50, 150)

        assert len(cut) == 800
        assert cut[:400].max() == 0.0
        assert cut[400:].min() > 0.9
