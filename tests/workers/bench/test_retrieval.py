"""The benchmark measures the product's own search, in a collection that is gone afterwards."""

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from firstline.adapters.postgres import Pool
from firstline.knowledge.errors import CorpusError
from tests.fakes.embedder import FakeEmbedder
from tests.knowledge.sample_set import CORPUS, expected
from workers.bench.report import show
from workers.bench.retrieval import WAYS, measure, own_collection, report
from workers.bench.retrieval_set import read_set

QUIET = Console(quiet=True)


def write_set(folder: Path, articles: list[dict[str, Any]], queries: list[dict[str, Any]]) -> Path:
    for name, records in (("corpus", articles), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return folder


def seats_and_hours(folder: Path) -> Path:
    return write_set(
        folder,
        [
            {"id": "seats", "title": "Seats", "text": "Open the settings and add seats.", "lang": "en"},
            {"id": "hours", "title": "Hours", "body_markdown": "Open reports and export hours.", "lang": "en"},
        ],
        [
            {"qid": "1", "question": "how do I add seats", "gold_ids": ["seats"]},
            {"qid": "2", "question": "export the hours", "gold_ids": ["hours"]},
            {"qid": "3", "question": "boil an egg", "gold_ids": []},
        ],
    )


async def collections(pool: Pool) -> list[str]:
    async with pool.connection() as connection:
        rows = await (await connection.execute("select name from collections where name like 'bench-%'")).fetchall()
    return [str(name) for (name,) in rows]


@pytest.mark.integration
class TestMeasuring:
    async def test_compares_every_way_and_leaves_nothing(self, pool: Pool, tmp_path: Path) -> None:
        chosen = read_set(seats_and_hours(tmp_path))
        async with own_collection(pool) as name:
            told = report(chosen, await measure(pool, FakeEmbedder(), chosen, name, QUIET))

        assert {way: told[way]["recall@5"] for way in WAYS} == dict.fromkeys(WAYS, 1.0)
        assert told["set"] == {"name": tmp_path.name, "articles": 2, "questions": 2, "off_topic": 1}
        assert told["bm25"]["interval_95"]["mrr"] == [1.0, 1.0]
        assert await collections(pool) == []

    async def test_broken_off_leaves_nothing(self, pool: Pool, tmp_path: Path) -> None:
        chosen = read_set(seats_and_hours(tmp_path))

        async def broken_off() -> None:
            async with own_collection(pool) as name:
                await measure(pool, FakeEmbedder(), chosen, name, QUIET)
                assert await collections(pool) == [name]
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            await broken_off()
        assert await collections(pool) == []

    async def test_is_shown_side_by_side(self, pool: Pool, tmp_path: Path) -> None:
        chosen, console = read_set(seats_and_hours(tmp_path)), Console(record=True, width=140, quiet=True)
        async with own_collection(pool) as name:
            told = report(chosen, await measure(pool, FakeEmbedder(), chosen, name, QUIET))
        console.quiet = False
        with console.capture() as shown:
            show(told, console)

        assert all(word in shown.get() for word in ("BM25", "full text", "dense", "fused", "reranked", "recall@10"))


class TestSets:
    def test_cut_a_masked_heading_out_of_its_article(self, tmp_path: Path) -> None:
        query = {"qid": "1", "question": "how", "gold_ids": ["a"], "mask": "## How\n"}
        write_set(tmp_path, [{"id": "a", "text": "## How\nSo."}], [query])

        assert read_set(tmp_path).articles == [{"id": "a", "body_markdown": "So."}]

    @pytest.mark.parametrize(
        ("articles", "queries", "told"),
        [
            ([{"id": "a"}], [{"question": "q", "gold_ids": ["a"]}], "corpus.jsonl:1"),
            ([{"id": "a", "text": "t"}], [{"question": "q"}], "queries.jsonl:1"),
            ([{"id": "a", "text": "t"}], [{"question": "q", "gold_ids": ["b"]}], "none of the gold_ids"),
            ([{"id": "a", "text": "t"}], [{"question": "q", "gold_ids": []}], "nothing to measure"),
        ],
    )
    def test_that_cannot_be_used_say_where(
        self, tmp_path: Path, articles: list[dict[str, Any]], queries: list[dict[str, Any]], told: str
    ) -> None:
        with pytest.raises(CorpusError, match=told):
            read_set(write_set(tmp_path, articles, queries))

    def test_that_are_none_say_what_is_missing(self, tmp_path: Path) -> None:
        with pytest.raises(CorpusError, match=r"no corpus\.jsonl"):
            read_set(tmp_path)


class TestTheShippedSet:
    def test_is_about_the_sample_help_centre_as_it_is(self) -> None:
        assert CORPUS.read_text("utf-8") == expected()

    def test_asks_at_least_150_questions(self) -> None:
        assert len(read_set(CORPUS.parent).answerable) >= 150
