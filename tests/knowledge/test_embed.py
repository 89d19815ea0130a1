"""The packaged embedding model."""

import math

import pytest

from firstline.knowledge.embed import PACKAGED, SentenceTransformerEmbedder
from firstline.knowledge.errors import CorpusError

pytestmark = pytest.mark.integration


def cosine(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


class TestPackagedModel:
    async def test_makes_unit_vectors_of_its_dimension(self, embedder: SentenceTransformerEmbedder) -> None:
        vector = await embedder.query("how do I add seats")

        assert (embedder.name, embedder.dimension, len(vector)) == (PACKAGED, 384, 384)
        assert math.isclose(cosine(vector, vector), 1.0, abs_tol=1e-3)

    async def test_puts_a_question_near_its_answer(self, embedder: SentenceTransformerEmbedder) -> None:
        question = await embedder.query("I can't log in any more")
        answer, other = await embedder.passages(["Reset your password to sign in again.", "Export your timesheets."])

        assert cosine(question, answer) > cosine(question, other) + 0.2

    async def test_reads_a_chunk_of_480_tokens_to_its_end(self, embedder: SentenceTransformerEmbedder) -> None:
        """The model states 256 tokens; the second half of a chunk would go unheard."""
        filler = "The weather was mild and the road was long. " * 45
        plain, told = await embedder.passages([filler, filler + "Reset the password of a locked account."])

        assert cosine(plain, told) < 0.995

    async def test_takes_a_text_of_any_length(self, embedder: SentenceTransformerEmbedder) -> None:
        assert len(await embedder.query("word " * 10_000)) == 384


class TestLoading:
    def test_a_package_that_is_none_names_the_one_there_is(self) -> None:
        with pytest.raises(CorpusError, match=f"packaged one is {PACKAGED}"):
            SentenceTransformerEmbedder.load("packaged:bge-large")

    def test_a_folder_without_a_model_is_one_clear_line(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        folder = tmp_path_factory.mktemp("empty")

        with pytest.raises(CorpusError, match="cannot be loaded") as told:
            SentenceTransformerEmbedder.load(str(folder))

        assert "\n" not in str(told.value)
