"""What a rep hears before they take a call."""

from firstline.domain.brief import SPOKEN_MAX, reason_in_words, spoken_brief
from firstline.domain.gate import Decision, Evidence, HandoffReason, decide_handoff

PERSON = Decision(True, HandoffReason.CALLER_REQUEST, None, "the caller asked for a person")


class TestABrief:
    def test_is_two_sentences(self) -> None:
        brief = spoken_brief(PERSON, "The invoice is wrong. They called twice.  They are upset!")

        assert brief == "A support call for you: the caller asked for a person. The invoice is wrong."

    def test_names_the_category_that_must_go_to_a_person(self) -> None:
        decision = decide_handoff(Evidence("I want a refund for last month", confidence=0.99))

        assert reason_in_words(decision) == "the topic always goes to a person (refund promise)"

    def test_is_cut_at_a_word_when_the_summary_is_one_long_sentence(self) -> None:
        brief = spoken_brief(PERSON, "word " * 200)

        assert brief.endswith("word.")
        assert len(brief) < SPOKEN_MAX + 60

    def test_stands_without_a_summary(self) -> None:
        assert spoken_brief(PERSON, "") == "A support call for you: the caller asked for a person."

    def test_has_words_for_every_reason(self) -> None:
        for reason in HandoffReason:
            assert reason_in_words(Decision(True, reason, None, "")) != "no reason was recorded"
