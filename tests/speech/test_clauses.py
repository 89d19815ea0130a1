"""Pieces that are spoken one after the other."""

import pytest

from firstline.speech.clauses import FIRST_AT_MOST, PIECE_AT_MOST, ClauseCutter, pieces

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

    def test_what_follows_a_very_short_sentence_is_short_too(self) -> None:
        """ "Done." is over in a third of a second: the next piece must be made by then."""
        found = pieces("Done. We will call you back today at 12:01 PM, at the number you are calling from.")

        assert found[0] == "Done."
        assert len(found[1]) <= FIRST_AT_MOST

    def test_a_number_or_an_abbreviation_ends_no_sentence(self) -> None:
        assert pieces("It costs 1.5 dollars e.g. now.") == ["It costs 1.5 dollars e.g. now."]

    @pytest.mark.parametrize("text", ["", "   ", "\n"])
    def test_nothing_has_no_pieces(self, text: str) -> None:
        assert pieces(text) == []

    def test_words_without_any_stop_are_cut_all_the_same(self) -> None:
        found = pieces("word " * 200)

        assert max(len(piece) for piece in found) <= PIECE_AT_MOST
        assert " ".join(found) == ("word " * 200).strip()


class TestClauseCutter:
    def cut(self, text: str, size: int = 4) -> list[list[str]]:
        """What each delta of so many letters made whole, the rest at the end."""
        cutter = ClauseCutter()
        found = [cutter.feed(text[start : start + size]) for start in range(0, len(text), size)]
        return [*found, [cutter.rest()]]

    def test_nothing_is_lost_or_added(self) -> None:
        clauses = [clause for found in self.cut(LONG) for clause in found]

        assert " ".join(clauses) == LONG

    def test_the_first_clause_is_there_early(self) -> None:
        found = self.cut(LONG)

        first = next(number for number, clauses in enumerate(found) if clauses)
        assert found[first] == ["To create an API key,"]
        assert first * 4 < 30

    def test_after_that_sentences_stay_whole(self) -> None:
        clauses = [
            clause for found in self.cut("Yes, of course. First open settings, then people. Done.") for clause in found
        ]

        assert clauses == ["Yes, of course.", "First open settings, then people.", "Done."]

    def test_the_lines_of_a_list_are_clauses(self) -> None:
        assert self.cut("Do this:\n- open it\n- close it", 100) == [["Do this:", "- open it"], ["- close it"]]

    def test_a_text_without_any_end_is_cut_in_time(self) -> None:
        clauses = [clause for found in self.cut("word " * 200) for clause in found]

        assert max(map(len, clauses)) <= PIECE_AT_MOST + 8
