"""Chunks: their size, their ids, where they stand."""

import random
import re
from itertools import pairwise

import pytest

from firstline.knowledge.articles import Article
from firstline.knowledge.chunk import MAX_CHARACTERS, OVERLAP, TOKENS, Chunker, chunker_of
from tests.fakes.embedder import FakeEmbedder


@pytest.fixture(scope="module")
def chunker() -> Chunker:
    return Chunker(FakeEmbedder().tokenizer)


def test_is_made_once_for_a_model() -> None:
    assert chunker_of(FakeEmbedder().tokenizer) is chunker_of(FakeEmbedder().tokenizer)


def article(body: str, id: str = "a") -> Article:  # noqa: A002 - an article's own word for it
    return Article(id, "Title", "", "en", body)


def tokens(text: str) -> list[str]:
    return re.findall(r"\w+|[^\w\s]+", text)


def prose(sentences: int, seed: int = 7) -> str:
    words = random.Random(seed)
    return " ".join(
        " ".join(f"word{words.randrange(500)}" for _ in range(11)) + f" number{n}." for n in range(sentences)
    )


class TestLanguages:
    def test_of_a_page_that_says_everything_twice_are_two(self, chunker: Chunker) -> None:
        english = "Open the settings of your account, choose the team and confirm the invoice by email. " * 40
        spanish = "Abra los ajustes de su cuenta, elija el equipo y confirme la factura por correo. " * 40

        chunks = chunker.chunks(article(f"# Seats\n\n{english}\n\n# Puestos\n\n{spanish}"))

        assert {chunk.language for chunk in chunks if "Open" in chunk.text} == {"en"}
        assert {chunk.language for chunk in chunks if "Abra" in chunk.text} == {"es"}

    def test_are_not_guessed_from_code(self, chunker: Chunker) -> None:
        code = "```sql\nselect the name of your account from settings where the team is of this order and to\n```"

        (chunk,) = chunker.chunks(Article("a", "Consulta", "", "es", f"# Consulta\n\n{code}"))

        assert chunk.language == "es"


class TestChunks:
    def test_of_a_short_article_are_one(self, chunker: Chunker) -> None:
        (chunk,) = chunker.chunks(article("# Seats\n\nOpen Settings."))

        assert chunk.text == "# Seats\n\nOpen Settings."
        assert re.fullmatch(r"kb_[0-9a-f]{12}", chunk.id)

    def test_hold_at_most_480_tokens_and_lose_nothing(self, chunker: Chunker) -> None:
        body = prose(200)

        chunks = chunker.chunks(article(body))

        assert all(len(tokens(chunk.text)) <= TOKENS for chunk in chunks)
        assert set(tokens(body)) == {token for chunk in chunks for token in tokens(chunk.text)}

    def test_share_up_to_80_tokens_with_the_one_before(self, chunker: Chunker) -> None:
        chunks = chunker.chunks(article(prose(200)))

        for before, after in pairwise(chunks):
            shared = {word for word in tokens(before.text) if word.startswith("number")} & set(tokens(after.text))
            assert shared
            assert len(shared) * 13 <= OVERLAP + 13

    def test_know_the_headings_they_stand_under(self, chunker: Chunker) -> None:
        body = f"# Seats\n\n{prose(60, 1)}\n\n## Limits\n\n{prose(60, 2)}\n\n```\n# no heading\n```\n"

        chunks = chunker.chunks(article(body))

        assert chunks[0].heading == "Seats"
        assert chunks[-1].heading == "Seats > Limits"

    def test_of_a_line_without_words_are_cut_by_characters(self, chunker: Chunker) -> None:
        chunks = chunker.chunks(article("x" * 50_000))

        assert all(len(chunk.text) <= MAX_CHARACTERS for chunk in chunks)
        assert sum(len(chunk.text) for chunk in chunks) == 50_000
        assert len({chunk.id for chunk in chunks}) == len(chunks)


class TestIds:
    def test_are_the_same_every_time(self, chunker: Chunker) -> None:
        assert chunker.chunks(article(prose(100))) == chunker.chunks(article(prose(100)))

    def test_of_untouched_sections_survive_an_edit_elsewhere(self, chunker: Chunker) -> None:
        sections = [f"## Part {n}\n\n{prose(35, n)}" for n in range(4)]

        before = chunker.chunks(article("\n\n".join(sections)))
        after = chunker.chunks(article("\n\n".join(["## New\n\n" + prose(35, 99), *sections])))

        assert {chunk.id for chunk in before} <= {chunk.id for chunk in after}

    def test_of_two_articles_with_the_same_text_differ(self, chunker: Chunker) -> None:
        assert chunker.chunks(article("Text.", "a"))[0].id != chunker.chunks(article("Text.", "b"))[0].id
