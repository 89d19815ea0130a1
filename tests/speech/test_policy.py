"""The keyless answerer: what it looks up, and that it says only what a tool returned or a courtesy."""

from dataclasses import fields

import numpy as np
import pytest

from firstline.speech.answer import Call, Say, Words
from firstline.speech.extract import extract
from firstline.speech.phrases import COURTESIES
from tests.speech.conversing import EN, RESET, answer, arguments, looked_up, says, used


class TestQuestions:
    def test_are_looked_up_in_the_callers_words(self) -> None:
        call = answer(says("How do I reset my password?"))

        assert arguments(call, "lookup_article") == {"query": "How do I reset my password?"}

    @pytest.mark.parametrize(
        "follow_up", ["And how long does that take?", "What about for admins?", "Is it valid for long?"]
    )
    def test_a_follow_up_is_made_to_stand_on_its_own(self, follow_up: str) -> None:
        before = [*looked_up("How do I reset my password?"), Words("assistant", "Choose Forgot password.")]

        query = arguments(answer(*before, says(follow_up)), "lookup_article")["query"]

        assert "password" in query
        assert "reset" in query

    def test_a_question_that_stands_on_its_own_is_left_alone(self) -> None:
        before = [*looked_up("How do I reset my password?"), Words("assistant", "Choose Forgot password.")]

        query = arguments(answer(*before, says("How many seats does the Team plan have?")), "lookup_article")["query"]

        assert query == "How many seats does the Team plan have?"

    def test_without_the_tool_it_says_that_it_cannot_help(self) -> None:
        assert answer(says("How do I reset my password?"), tools=frozenset()) == Say(EN.unable)

    def test_a_sentence_with_a_pause_in_it_is_one_question(self) -> None:
        """The first half was looked up already; nothing was said yet."""
        first = [says("How do I reset"), *used("lookup_article", {"query": "How do I reset"}, {"passages": []})]

        query = arguments(answer(*first, says("my password?")), "lookup_article")["query"]

        assert query.startswith("How do I reset my password?")

    def test_a_cough_during_the_look_up_does_not_lose_the_question(self) -> None:
        query = arguments(answer(says("How do I add seats?"), Words("assistant", ""), says("")), "lookup_article")[
            "query"
        ]

        assert query == "How do I add seats?"


class TestAnswers:
    def test_are_sentences_of_the_passage_without_its_marks(self) -> None:
        said = answer(*looked_up("How do I reset my password?"))

        assert isinstance(said, Say)
        assert said.text.startswith("To reset your password, choose Forgot password? and open the link")
        assert "*" not in said.text

    def test_take_the_sentence_that_answers(self) -> None:
        said = answer(*looked_up("How long is the link valid?"))

        assert said == Say("The link works once and is valid for 60 minutes.")

    def test_are_short_enough_to_listen_to(self) -> None:
        wordy = {**RESET, "text": "Word " * 30 + "one. " + "Word " * 40 + "two. Three."}

        said = answer(*looked_up("word one", 0.9, wordy))

        assert isinstance(said, Say)
        assert said.text.endswith("one.")

    def test_steps_begin_with_the_first_and_offer_to_go_on(self) -> None:
        steps = {**RESET, "text": RESET["text"].partition("## Steps")[2]}

        said = answer(*looked_up("Where do I type the new password?", 0.9, steps))

        assert said == Say("Go to Settings, then Security. Choose Reset. Type the new password. " + EN.go_on)

    def test_are_spanish_to_the_last_word(self) -> None:
        passage = {**RESET, "text": "1. Vaya a **Ajustes > Seguridad**.\n2. Guarde."}
        entries = looked_up("¿Cómo cambio la seguridad?", 0.9, passage)

        assert answer(*entries, instructions="language: es") == Say("Vaya a Ajustes, después Seguridad. Guarde.", "es")

    def test_go_on_says_the_remaining_steps(self) -> None:
        steps = {**RESET, "text": RESET["text"].partition("## Steps")[2]}
        first = answer(*looked_up("Where do I type the new password?", 0.9, steps))
        assert isinstance(first, Say)

        rest = answer(*looked_up("Where?", 0.9, steps), Words("assistant", first.text), says("Yes, please."))

        assert rest == Say("Choose Save. Sign in again.")

    def test_another_articles_sentences_are_never_mixed_in(self) -> None:
        other = {
            **RESET,
            "article_id": "seats",
            "text": "The link is valid for 7 days. The link is valid for a teammate.",
        }

        said = answer(*looked_up("How long is the link valid?", 0.9, RESET, other))

        assert said == Say("The link works once and is valid for 60 minutes.")

    def test_meaning_can_refine_the_choice(self) -> None:
        """A stand-in for a sentence embedding that finds the second sentence nearest."""
        passage = {**RESET, "text": "Alpha beta gamma. Delta epsilon zeta."}

        def embed(texts: list[str]) -> np.ndarray:
            return np.array(
                [[1.0, 0.0] if "Delta" in text or "?" in text else [0.0, 1.0] for text in texts], np.float32
            )

        found = extract("What comes fourth?", [passage], embed)

        assert found is not None
        assert found.text == "Delta epsilon zeta."

    @pytest.mark.parametrize("text", ["", "| a | b |\n|---|---|", "See also: [x](y.md)"])
    def test_a_passage_with_nothing_to_say_is_no_answer(self, text: str) -> None:
        call = answer(*looked_up("How?", 0.9, {**RESET, "text": text}))

        assert isinstance(call, Call)
        assert call.name == "handoff_to_human"


class TestCourtesies:
    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ("Hello?", EN.prompt),
            ("Um, hello? Are you there?", EN.prompt),
            ("", EN.not_heard),
            ("Okay, thank you very much.", EN.welcome),
            ("No, that's all, thanks.", EN.goodbye),
            ("Goodbye.", EN.goodbye),
        ],
    )
    def test_need_no_tool(self, words: str, said: str) -> None:
        assert answer(Words("assistant", "Hi."), says(words)) == Say(said)

    def test_thanks_before_a_question_do_not_hide_it(self) -> None:
        call = answer(says("Thank you. And how do I add a seat?"))

        assert isinstance(call, Call)

    def test_repeats_what_it_said(self) -> None:
        assert answer(Words("assistant", "Seven days."), says("Could you repeat that?")) == Say("Seven days.")

    def test_speaks_the_sessions_language(self) -> None:
        said = answer(says("Hola."), instructions="language: en\nlanguage: es")

        assert said == Say(COURTESIES["es"].prompt, "es")

    def test_speaks_words_that_the_instructions_dictate(self) -> None:
        said = answer(says("…"), instructions='Say exactly: "Are you still there?"')

        assert said == Say("Are you still there?")

    def test_every_language_has_every_phrase(self) -> None:
        for phrases in COURTESIES.values():
            assert all(getattr(phrases, field.name).strip() for field in fields(phrases))


class TestBrokenTools:
    def test_an_error_without_words_is_apologised_for(self) -> None:
        assert answer(says("How?"), *used("lookup_article", {}, {"error": "boom"})) == Say(EN.trouble)

    def test_a_plain_text_answer_is_spoken(self) -> None:
        assert answer(says("How?"), *used("lookup_article", {}, "It takes seven days.")) == Say("It takes seven days.")

    @pytest.mark.parametrize("output", ["", "[]", "5", '{"passages": 5}', '{"passages": [5]}', '{"say": 5}'])
    def test_nonsense_does_not_break_it(self, output: str) -> None:
        assert isinstance(answer(says("How?"), *used("lookup_article", {}, output)), Say | Call)
