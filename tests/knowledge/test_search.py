"""Searching what is really in Postgres."""

import asyncio
import json
from pathlib import Path

import pytest

from firstline.adapters.postgres import Pool
from firstline.knowledge.errors import CorpusError
from firstline.knowledge.ingest import ingest
from firstline.knowledge.queries import DEPTH, search_statement
from firstline.knowledge.search import PostgresKnowledge
from firstline.knowledge.store import find_collection
from tests.fakes.embedder import FakeEmbedder

pytestmark = pytest.mark.integration

HOSTILE = [
    "'; drop table chunks; --",
    "a & b | !c <-> (d:*)",
    "\\ ' \" %s %(text)s {collection}",
    "nul \x00 inside",
    "half \ud83d a smile",
    "🙂 seats 🙂",
    "the of and to",
    "seats " * 1_700,
    "x" * 10_000,
]


@pytest.fixture(scope="module")
async def knowledge(pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> PostgresKnowledge:
    """120 articles, so that neither search returns them all."""
    corpus = tmp_path_factory.mktemp("corpus") / "c.jsonl"
    texts = [f"Topic {n} is about the thing called item{n} and nothing else." for n in range(119)]
    texts.append("Seats: open the settings and add the seats you need, one by one.")
    titles = [*(f"Article {n}" for n in range(119)), "Seats"]
    lines = [
        {"id": f"a{n}", "title": title, "lang": "en", "body_markdown": text}
        for n, (title, text) in enumerate(zip(titles, texts, strict=True))
    ]
    corpus.write_text("\n".join(json.dumps(line) for line in lines))
    embedder = FakeEmbedder()
    await ingest(pool, embedder, corpus, "search")
    return PostgresKnowledge(pool, embedder, "search")


class TestSearch:
    async def test_brings_forty_of_each_search_and_their_ranks(self, knowledge: PostgresKnowledge) -> None:
        passages = (await knowledge.search("the thing called item7", k=1000)).passages

        assert sorted(p.dense_rank for p in passages if p.dense_rank) == list(range(1, DEPTH + 1))
        assert sorted(p.text_rank for p in passages if p.text_rank) == list(range(1, DEPTH + 1))
        assert passages[0].article_id == "a7"

    async def test_given_up_half_way_leaves_the_pool_as_it_was(self, pool: Pool, knowledge: PostgresKnowledge) -> None:
        """Callers say another word while a search runs."""
        for ticks in range(24):
            search = asyncio.create_task(knowledge.search("the thing called item7"))
            for _ in range(ticks):
                await asyncio.sleep(0.0005)
            search.cancel()
            await asyncio.gather(search, return_exceptions=True)

        again = await asyncio.gather(*(knowledge.search("the thing called item7") for _ in range(8)))

        assert {result.passages[0].article_id for result in again} == {"a7"}
        assert pool.get_stats().get("connections_lost", 0) == 0

    async def test_finds_a_rare_word_among_common_ones(self, knowledge: PostgresKnowledge) -> None:
        result = await knowledge.search("is there nothing about the topic or the thing of seats")

        assert result.passages[0].article_id == "a119"

    async def test_finds_a_word_that_was_heard_as_two(self, knowledge: PostgresKnowledge) -> None:
        result = await knowledge.search("something about item 42 or so")

        assert result.passages[0].article_id == "a42"

    async def test_tells_what_each_stage_took(self, knowledge: PostgresKnowledge) -> None:
        timings = (await knowledge.search("seats")).timings

        assert set(timings) == {"embed", "search", "fuse", "rerank", "total"}
        assert timings["total"] >= timings["search"] > 0

    @pytest.mark.parametrize("words", HOSTILE, ids=range(len(HOSTILE)))
    async def test_survives_any_words(self, knowledge: PostgresKnowledge, words: str) -> None:
        result = await knowledge.search(words)

        assert 0.0 <= result.confidence <= 1.0
        assert result.query == words

    async def test_uses_the_collections_own_index(self, knowledge: PostgresKnowledge, pool: Pool) -> None:
        vector = str(await FakeEmbedder().query("seats"))
        async with pool.connection() as connection, connection.transaction():
            await connection.execute(
                "set local enable_seqscan = off; set local enable_bitmapscan = off; set local enable_sort = off"
            )
            collection = await find_collection(connection, "search")
            assert collection is not None
            explained = await connection.execute(
                b"explain " + search_statement(collection).as_bytes(connection),
                {"text": "seats", "compounds": "", "vector": vector, "language": None},
            )
            plan = "\n".join(row[0] for row in await explained.fetchall())

        assert f"chunks_by_meaning_{collection.id}" in plan


class TestAQuestionWithoutContent:
    @pytest.mark.parametrize("words", ["que de la el y", "the of and to a in", "?! ... (((", "🙂👍🏽"])
    async def test_makes_sure_of_nothing(self, help_centre: PostgresKnowledge, words: str) -> None:
        """Two stop words read as one were a rare word, and the only one."""
        found = await help_centre.search(words)

        assert found.confidence < 0.1


class TestALanguage:
    @pytest.mark.parametrize(("spanish", "others"), [(1, True), (3, False)])
    async def test_narrows_a_search_only_where_there_is_enough_in_it(
        self, pool: Pool, tmp_path: Path, spanish: int, others: bool
    ) -> None:
        for n in range(30):
            (tmp_path / f"en-{n}.md").write_text(f"---\nlang: en\n---\nHow to change thing number {n}.")
        for n in range(spanish):
            (tmp_path / f"es-{n}.md").write_text(f"---\nlang: es\n---\nCambiar la cosa {n}.")
        name = f"languages-{spanish}"
        await ingest(pool, FakeEmbedder(), tmp_path, name)

        found = await PostgresKnowledge(pool, FakeEmbedder(), name).search("cambiar la cosa", k=20, language="es")

        assert ("en" in {passage.language for passage in found.passages}) is others


class TestRefusals:
    async def test_of_a_collection_that_is_not_there_say_how_to_make_it(self, pool: Pool) -> None:
        with pytest.raises(CorpusError, match="firstline ingest PATH --collection nowhere"):
            await PostgresKnowledge(pool, FakeEmbedder(), "nowhere").search("seats")

    async def test_of_another_models_vectors_name_both_models(self, knowledge: PostgresKnowledge, pool: Pool) -> None:
        with pytest.raises(CorpusError, match=r"embedded with fake \(64 dimensions\), not with big \(768\)"):
            await PostgresKnowledge(pool, FakeEmbedder("big", 768), "search").search("seats")


class TestCollections:
    async def test_do_not_see_each_other(self, pool: Pool, tmp_path: Path, knowledge: PostgresKnowledge) -> None:
        (tmp_path / "only.md").write_text("---\nlang: en\n---\nSeats of another company.")
        embedder = FakeEmbedder(dimension=32)
        await ingest(pool, embedder, tmp_path, "neighbour")

        found = (await PostgresKnowledge(pool, embedder, "neighbour").search("seats", k=100)).passages

        assert [passage.article_id for passage in found] == ["only"]
        assert "only" not in [p.article_id for p in (await knowledge.search("seats", k=100)).passages]
