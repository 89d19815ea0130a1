"""Pieces that are spoken one after the other."""

import pytest

from firstline.speech.clauses import FIRST_AT_MOST, PIECE_AT_MOST, pieces

LONG = (
    "To create an API key, open Settings, then Integrations, then API keys, choose New key, give it a name, pick what "
    "it may do and when it ends, and choose Create. The key is shown only once. It costs 1.5 dollars, e.g. for a month."
)


class TestPieces:
    def test_nothing_is_lost_or_added(self) -> None:
        assert " ".join(pieces(LONG)) == LONG

    def test_the_first_piece_is_short_so_that_it_is_heard_soon(self) -> None:
        first = pieces(LONG)[0]

        assert len(first) <= FIRST_AT_MOST
        assert first.endswith(",")

    def test_sentences_stay_whole(self) -> None:
        assert pieces("It works. Nothing has to be installed. Try it!") == [
            "It works.",
            "Nothing has to be installed.",
            "Try it!",
        ]

    def test_a_number_or_an_abbreviation_ends_no_sentence(self) -> None:
        assert pieces("It costs 1.5 dollars, e.g. a month.") == ["It costs 1.5 dollars, e.g. a month."]

    @pytest.mark.parametrize("text", ["", "   ", "\n"])
    def test_nothing_has_no_pieces(self, text: str) -> None:
        assert pieces(text) == []

    def test_words_without_any_stop_are_cut_all_the_same(self) -> None:
        found = pieces("word " * 200)

        assert max(len(piece) for piece in found) <= PIECE_AT_MOST
        assert " ".join(found) == ("word " * 200).strip()
