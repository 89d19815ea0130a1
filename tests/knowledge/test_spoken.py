"""Fillers and greetings are not the question."""

import pytest

from firstline.knowledge.spoken import question_of


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("Hi, um, I forgot my password, please", "I forgot my password,"),
        ("uh how do I uhm add seats", "how do I add seats"),
        ("Hola, buenas tardes, eh, ¿cómo añado puestos?", "¿cómo añado puestos?"),
        ("add seats", "add seats"),
        ("human resources", "human resources"),
    ],
)
def test_leaves_the_question(said: str, asked: str) -> None:
    assert question_of(said) == asked


def test_leaves_a_greeting_alone_when_nothing_else_was_said() -> None:
    assert question_of("hello, um") == "hello, um"
