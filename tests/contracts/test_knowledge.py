"""What every knowledge base does, the fake one included."""

import json
from pathlib import Path

import pytest

from firstline.adapters.postgres import Pool
from firstline.knowledge.ingest import ingest
from firstline.knowledge.search import PostgresKnowledge
from firstline.ports import Knowledge
from tests.fakes.embedder import FakeEmbedder
from tests.fakes.knowledge import FakeKnowledge, passage

ARTICLES = [
    ("add-seats", "en", "To add seats to your subscription, open the billing settings and choose seats."),
    ("reset-password", "en", "To reset a forgotten password, choose forgot password on the sign-in page."),
    ("export-hours", "en", "To export the hours of your team, open reports and choose export."),
    ("anadir-puestos", "es", "Para añadir puestos a su suscripción, abra la facturación y elija puestos."),
]


async def postgres(pool: Pool, folder: Path) -> PostgresKnowledge:
    corpus = folder / "corpus.jsonl"
    corpus.write_text("\n".join(json.dumps({"id": i, "lang": lang, "body_markdown": t}) for i, lang, t in ARTICLES))
    embedder = FakeEmbedder()
    await ingest(pool, embedder, corpus, "contract")
    return PostgresKnowledge(pool, embedder, "contract")


@pytest.fixture(params=["fake", "postgres"])
async def knowledge(request: pytest.FixtureRequest, tmp_path: Path) -> Knowledge:
    if request.param == "fake":
        return FakeKnowledge([passage(i, t, language=lang, number=n) for n, (i, lang, t) in enumerate(ARTICLES)])
    return await postgres(request.getfixturevalue("pool"), tmp_path)


class TestKnowledge:
    async def test_finds_the_article_that_answers(self, knowledge: Knowledge) -> None:
        result = await knowledge.search("how do I reset my forgotten password")

        assert result.passages[0].article_id == "reset-password"
        assert result.evidence is not None
        assert 0.0 < result.confidence <= 1.0
        assert result.query == "how do I reset my forgotten password"

    async def test_returns_at_most_k_best_first(self, knowledge: Knowledge) -> None:
        result = await knowledge.search("choose the export in reports", k=2)

        assert result.passages[0].article_id == "export-hours"
        assert len(result.passages) <= 2

    async def test_ids_are_those_a_handoff_may_carry(self, knowledge: Knowledge) -> None:
        (found,) = (await knowledge.search("add seats", k=1)).passages

        assert found.chunk_id.startswith("kb_")
        assert len(found.chunk_id) == 15

    async def test_keeps_to_the_language_it_is_given(self, knowledge: Knowledge) -> None:
        result = await knowledge.search("añadir puestos", language="es")

        assert [found.article_id for found in result.passages] == ["anadir-puestos"]

    async def test_looks_everywhere_when_nothing_is_written_in_the_language(self, knowledge: Knowledge) -> None:
        result = await knowledge.search("reset password", language="fr")

        assert result.passages[0].article_id == "reset-password"

    @pytest.mark.parametrize("nothing", ["", "   ", "?!…", "\x00"])
    async def test_finds_nothing_for_a_question_without_content(self, knowledge: Knowledge, nothing: str) -> None:
        result = await knowledge.search(nothing)

        assert (result.passages, result.evidence, result.confidence) == ([], None, 0.0)
