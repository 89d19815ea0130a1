"""Deltas of a caller who still speaks."""

from firstline.speech.partials import StableWords


class TestStableWords:
    def test_a_word_is_told_once_two_guesses_agree(self) -> None:
        words = StableWords()

        deltas = [words.guess("how do I recent"), words.guess("How do I reset my pass")]

        assert deltas == ["", "How do I"]

    def test_the_deltas_joined_are_the_transcript_when_the_guesses_held(self) -> None:
        words = StableWords()

        told = (
            words.guess("How long does") + words.guess("How long does it take") + words.final("How long does it take?")
        )

        assert told == "How long does it take?"

    def test_a_short_turn_without_guesses_is_one_delta(self) -> None:
        assert StableWords().final("Yes.") == "Yes."

    def test_nothing_said_tells_nothing(self) -> None:
        assert StableWords().final("") == ""
