"""Which words over the agent's voice ask for nothing."""

import pytest

from firstline.domain.backchannel import is_backchannel


@pytest.mark.parametrize(
    "words", ["Mhm.", "Mm-hmm", "Uh-huh.", "Yeah, okay.", "Oh, I see.", "Thank you.", "M.", "Ah, um", "", "..."]
)
def test_a_listener_is_left_to_listen(words: str) -> None:
    assert is_backchannel(words, "en")


@pytest.mark.parametrize("words", ["Stop.", "No.", "Wait", "Okay, but how?", "Hello?", "yeah yeah yeah yeah yeah"])
def test_whoever_wants_something_is_heard(words: str) -> None:
    assert not is_backchannel(words, "en")


def test_each_language_has_its_own_sounds() -> None:
    assert is_backchannel("Sí, claro.", "es")
    assert not is_backchannel("claro", "en")
    assert not is_backchannel("okay", "xx")
