"""Whether a search asked for what a question asks."""

import pytest

from firstline.domain.question import covers


class TestCovers:
    @pytest.mark.parametrize(
        ("searched", "question"),
        [
            ("how do i reset my password", "How do I reset my password?"),
            ("How can I invite a teammate", "inviting teammates"),
            ("¿cómo cambio la contraseña?", "Quiero cambiar la contraseña"),
        ],
    )
    def test_the_same_in_other_words(self, searched: str, question: str) -> None:
        assert covers(searched, question)

    @pytest.mark.parametrize(
        ("searched", "question"),
        [
            ("how do i reset my", "How do I reset my password?"),
            ("how do i reset my password", "How do I invite a teammate?"),
            ("how do i reset my password", "And then?"),
            ("", ""),
        ],
    )
    def test_not_what_has_another_subject_or_none(self, searched: str, question: str) -> None:
        assert not covers(searched, question)
