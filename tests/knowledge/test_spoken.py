"""Fillers and greetings are not the question."""

import pytest

from firstline.knowledge.spoken import compounds, question_of


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("Hi, um, I forgot my password, please", "I forgot my password,"),
        ("uh how do I uhm add seats", "how do I add seats"),
        ("Hola, buenas tardes, eh, ¿cómo añado puestos?", "¿cómo añado puestos?"),
        ("add seats", "add seats"),
        ("um our I T guy wants an A P I key", "our IT guy wants an API key"),
        ("it says E four oh two", "it says E-402"),
        ("what is E402", "what is E402 E-402"),
        ("I need a day or two", "I need a day or two"),
        ("human resources", "human resources"),
    ],
)
def test_leaves_the_question(said: str, asked: str) -> None:
    assert question_of(said) == asked


def test_leaves_a_greeting_alone_when_nothing_else_was_said() -> None:
    assert question_of("hello, um") == "hello, um"


def test_guesses_the_words_that_two_heard_ones_may_be() -> None:
    assert compounds("the web hook") == ["theweb", "webhook"]
