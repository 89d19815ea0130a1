"""The packaged embedding model, and what happens where its fast form cannot be made."""

import math
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from firstline.knowledge.errors import CorpusError
from firstline.knowledge.packaged import PACKAGED, PackagedEmbedder, converted, load_packaged
from firstline.knowledge.sentence_transformer import SentenceTransformerEmbedder

QUESTIONS = ["how do I add seats", "I can't log in any more", "¿cómo exporto las horas?", "E-402"]


def cosine(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


@pytest.mark.integration
class TestPackagedModel:
    async def test_makes_unit_vectors_of_its_dimension(self, embedder: PackagedEmbedder) -> None:
        vector = await embedder.query("how do I add seats")

        assert (embedder.name, embedder.dimension, len(vector)) == (PACKAGED, 384, 384)
        assert math.isclose(cosine(vector, vector), 1.0, abs_tol=1e-3)

    async def test_puts_a_question_near_its_answer(self, embedder: PackagedEmbedder) -> None:
        question = await embedder.query("I can't log in any more")
        answer, other = await embedder.passages(["Reset your password to sign in again.", "Export your timesheets."])

        assert cosine(question, answer) > cosine(question, other) + 0.2

    async def test_reads_a_chunk_of_480_tokens_to_its_end(self, embedder: PackagedEmbedder) -> None:
        """The model states 256 tokens; the second half of a chunk would go unheard."""
        filler = "The weather was mild and the road was long. " * 45
        plain, told = await embedder.passages([filler, filler + "Reset the password of a locked account."])

        assert cosine(plain, told) < 0.995

    async def test_takes_a_text_of_any_length(self, embedder: PackagedEmbedder) -> None:
        assert len(await embedder.query("word " * 10_000)) == 384


@pytest.fixture
def not_a_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("home") / "models"
    file.write_text("in the way")
    return file


@pytest.mark.integration
class TestFastForm:
    async def test_says_nearly_the_same_as_the_floats_which_are_used_where_it_cannot_be_kept(
        self, embedder: PackagedEmbedder, not_a_folder: Path
    ) -> None:
        with capture_logs() as logs:
            floats = load_packaged(PACKAGED, not_a_folder, threads=1)

        assert isinstance(floats, SentenceTransformerEmbedder)
        assert (floats.name, floats.languages) == (PACKAGED, {"en"})
        assert [line["event"] for line in logs] == ["embedding_model_not_converted"]
        for question in QUESTIONS:
            assert cosine(await floats.query(question), await embedder.query(question)) > 0.99
        floats.close()

    def test_is_made_once_and_again_when_it_is_damaged(self, embedder: PackagedEmbedder, models: Path) -> None:
        model = converted(models) / "model.bin"
        whole, made = model.read_bytes(), model.stat().st_mtime_ns
        assert (converted(models) / "model.bin").stat().st_mtime_ns == made

        model.write_bytes(whole[:-1])

        assert (converted(models) / "model.bin").read_bytes() == whole


class TestLoading:
    def test_a_package_that_is_none_names_the_one_there_is(self, tmp_path: Path) -> None:
        with pytest.raises(CorpusError, match=f"packaged one is {PACKAGED}"):
            load_packaged("packaged:bge-large", tmp_path, threads=1)

    def test_a_folder_without_a_model_is_one_clear_line(self, tmp_path: Path) -> None:
        with pytest.raises(CorpusError, match="cannot be loaded") as told:
            SentenceTransformerEmbedder.load(str(tmp_path))

        assert "\n" not in str(told.value)
