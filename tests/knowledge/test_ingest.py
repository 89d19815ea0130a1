"""An ingest that is interrupted, repeated, or given what it cannot use loses nothing."""

import asyncio
import sys
from pathlib import Path

import pytest

from firstline.adapters.postgres import Pool
from firstline.knowledge.chunk import Chunk
from firstline.knowledge.errors import CorpusError
from firstline.knowledge.ingest import BATCH, IngestReport, ingest, known_articles, passage_text
from tests.fakes.embedder import FakeEmbedder

pytestmark = pytest.mark.integration

Row = tuple[object, ...]


async def rows(pool: Pool, collection: str, columns: str = "c.id, c.article_id") -> list[Row]:
    async with pool.connection() as connection:
        cursor = await connection.execute(
            f"select {columns} from chunks c join collections on collections.id = collection_id"
            " where name = %s and state <> 'retired' order by article_id, ordinal".encode(),
            (collection,),
        )
        return await cursor.fetchall()


def write(folder: Path, count: int) -> None:
    for n in range(count):
        (folder / f"article-{n:03}.md").write_text(f"---\nlang: en\n---\n# Topic {n}\n\nAll about topic number {n}.")


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A collection of the test's own."""
    return str(request.node.name)


class TestIngest:
    async def test_stores_every_article_and_tells_how_far_it_is(self, pool: Pool, tmp_path: Path, name: str) -> None:
        write(tmp_path, 3)
        seen: list[tuple[int, int, int]] = []

        report = await ingest(
            pool, FakeEmbedder(), tmp_path, name, progress=lambda r: seen.append((r.seen, r.total, r.stored))
        )

        assert (report.stored, report.chunks, report.unchanged, report.skipped) == (3, 3, 0, [])
        assert seen == [(1, 3, 0), (2, 3, 0), (3, 3, 0), (3, 3, 3), (3, 3, 3)]
        assert len(await rows(pool, name)) == 3

    async def test_keeps_a_chunks_words_in_its_row_and_moves_its_text_out(
        self, pool: Pool, tmp_path: Path, name: str
    ) -> None:
        """A search by words reads the words of thousands of chunks, and the text of a few."""
        (tmp_path / "long.md").write_text("# Long\n\n" + " ".join(f"word{n}x{n * 7919 % 9973}" for n in range(200)))

        await ingest(pool, FakeEmbedder(), tmp_path, name)

        moved = "pg_column_toast_chunk_id(c.words) is not null, pg_column_toast_chunk_id(c.body) is not null"
        assert set(await rows(pool, name, moved)) == {(False, True)}

    async def test_repeated_embeds_nothing_and_keeps_every_id(self, pool: Pool, tmp_path: Path, name: str) -> None:
        write(tmp_path, 3)
        await ingest(pool, FakeEmbedder(), tmp_path, name)
        before, again = await rows(pool, name), FakeEmbedder()

        report = await ingest(pool, again, tmp_path, name)

        assert (report.stored, report.unchanged, again.embedded) == (0, 3, [])
        assert await rows(pool, name) == before

    async def test_repeated_does_not_even_make_ready_to_cut(self, pool: Pool, tmp_path: Path, name: str) -> None:
        write(tmp_path, 3)
        await ingest(pool, FakeEmbedder(), tmp_path, name)
        again = FakeEmbedder()
        again.tokenizer = "none: whoever looks at it fails"

        report = await ingest(pool, again, tmp_path, name)

        assert report.unchanged == 3

    async def test_asks_only_for_what_a_part_of_it_holds(self, pool: Pool, tmp_path: Path, name: str) -> None:
        write(tmp_path, 3)
        await ingest(pool, FakeEmbedder(), tmp_path, name)

        async with pool.connection() as connection:
            known = await known_articles(connection, name, FakeEmbedder(), ["article-001", "new"])

        assert list(known) == ["article-001"]

    async def test_embeds_only_the_article_that_changed(self, pool: Pool, tmp_path: Path, name: str) -> None:
        write(tmp_path, 3)
        await ingest(pool, FakeEmbedder(), tmp_path, name)
        (tmp_path / "article-001.md").write_text("# Topic 1\n\nRewritten from scratch.")
        again = FakeEmbedder()

        report = await ingest(pool, again, tmp_path, name)

        assert (report.stored, report.unchanged) == (1, 2)
        assert again.embedded == ["# Topic 1\n\nRewritten from scratch.", "Topic 1"]
        bodies = [body for (body,) in await rows(pool, name, "c.body")]
        assert sum("Rewritten" in str(body) for body in bodies) == 1
        assert len(bodies) == 3

    async def test_killed_halfway_goes_on_where_it_was(self, pool: Pool, tmp_path: Path, name: str) -> None:
        write(tmp_path, BATCH * 2)

        def kill_after_first_batch(report: IngestReport) -> None:
            if report.stored:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            await ingest(pool, FakeEmbedder(), tmp_path, name, progress=kill_after_first_batch)
        assert len(await rows(pool, name)) == BATCH

        again = FakeEmbedder()
        report = await ingest(pool, again, tmp_path, name)

        titles = BATCH
        assert (report.stored, report.unchanged, len(again.embedded)) == (BATCH, BATCH, BATCH + titles)
        assert len(await rows(pool, name)) == BATCH * 2

    async def test_goes_on_when_a_full_disk_has_room_again(self, pool: Pool, tmp_path: Path, name: str) -> None:
        write(tmp_path, BATCH + 1)
        last = f"article-{BATCH:03d}"
        async with pool.connection() as connection:
            await connection.execute(
                "create function full_articles() returns trigger language plpgsql as"
                " $$ begin raise exception 'could not extend file: No space left' using errcode = '53100'; end $$"
            )
            await connection.execute(
                "create trigger full_articles before insert on articles for each row"
                f" when (new.id = '{last}') execute function full_articles()"
            )
        try:
            with pytest.raises(CorpusError, match=r"No space left.*run the ingest again"):
                await ingest(pool, FakeEmbedder(), tmp_path, name)
        finally:
            async with pool.connection() as connection:
                await connection.execute("drop function full_articles cascade")

        report = await ingest(pool, FakeEmbedder(), tmp_path, name)

        assert (report.stored, report.unchanged, report.version) == (1, BATCH, 1)

    async def test_skips_a_bad_article_and_stores_the_rest(self, pool: Pool, tmp_path: Path, name: str) -> None:
        write(tmp_path, 2)
        (tmp_path / "broken.md").write_text("---\ntitle: [\n---\nText.")

        report = await ingest(pool, FakeEmbedder(), tmp_path, name)

        assert [skipped.source for skipped in report.skipped] == ["broken.md"]
        assert report.stored == 2


KILLED = """
import asyncio, sys
from pathlib import Path
from firstline.adapters.postgres import open_pool
from firstline.knowledge.ingest import ingest
from tests.fakes.embedder import FakeEmbedder

class Telling(FakeEmbedder):
    batches = 0

    async def passages(self, texts):
        print(sum("All about" in text for text in texts), flush=True)
        self.batches += 1
        if self.batches == 4:
            await asyncio.Event().wait()
        return await super().passages(texts)

async def main():
    await ingest(await open_pool(sys.argv[1]), Telling(), Path(sys.argv[2]), sys.argv[3])

asyncio.run(main())
"""


class TestAProcessKilledWithMinusNine:
    async def test_costs_the_two_batches_under_way(
        self, pool: Pool, database_url: str, tmp_path: Path, name: str
    ) -> None:
        write(tmp_path, BATCH * 6)
        command = [sys.executable, "-c", KILLED, database_url, str(tmp_path), name]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        embedded = sum([int(await process.stdout.readline()) for _ in range(4)])
        process.kill()
        await process.wait()
        async with pool.connection() as connection:
            # Postgres takes a moment to see that it is gone.
            for turn in ("pg_advisory_lock", "pg_advisory_unlock"):
                await connection.execute(
                    f"select {turn}(hashtextextended(%s, 0))".encode(), (f"firstline-ingest:{name}",)
                )

        again = FakeEmbedder()
        report = await ingest(pool, again, tmp_path, name)

        twice = embedded + report.stored - BATCH * 6
        assert 0 < twice <= 2 * BATCH
        assert (report.stored + report.unchanged, len(await rows(pool, name))) == (BATCH * 6, BATCH * 6)


class TestVanishedArticles:
    async def test_stay_and_are_reported(self, pool: Pool, tmp_path: Path, name: str) -> None:
        write(tmp_path, 3)
        await ingest(pool, FakeEmbedder(), tmp_path, name)
        (tmp_path / "article-002.md").unlink()

        report = await ingest(pool, FakeEmbedder(), tmp_path, name)

        assert (report.vanished, report.pruned) == (["article-002"], False)
        assert len(await rows(pool, name)) == 3

    async def test_go_when_asked(self, pool: Pool, tmp_path: Path, name: str) -> None:
        write(tmp_path, 3)
        await ingest(pool, FakeEmbedder(), tmp_path, name)
        (tmp_path / "article-002.md").unlink()

        report = await ingest(pool, FakeEmbedder(), tmp_path, name, prune=True)

        assert report.pruned
        assert [article for _, article in await rows(pool, name)] == ["article-000", "article-001"]

    async def test_stay_when_one_of_them_may_only_be_broken(self, pool: Pool, tmp_path: Path, name: str) -> None:
        write(tmp_path, 3)
        await ingest(pool, FakeEmbedder(), tmp_path, name)
        (tmp_path / "article-002.md").write_bytes(b"\xff\xfe\x00")

        report = await ingest(pool, FakeEmbedder(), tmp_path, name, prune=True)

        assert not report.pruned
        assert len(await rows(pool, name)) == 3


class TestRefusals:
    async def test_of_a_corpus_without_a_usable_article_name_the_first_reasons(
        self, pool: Pool, tmp_path: Path, name: str
    ) -> None:
        (tmp_path / "a.md").write_text("")

        with pytest.raises(CorpusError, match=r"not one article.*a\.md: the body is empty"):
            await ingest(pool, FakeEmbedder(), tmp_path, name)

    async def test_of_another_model_leave_the_collection_as_it_was(self, pool: Pool, tmp_path: Path, name: str) -> None:
        write(tmp_path, 2)
        await ingest(pool, FakeEmbedder(), tmp_path, name)
        before = await rows(pool, name)

        with pytest.raises(CorpusError, match=r"embedded with fake \(64 dimensions\), not with other \(32\)"):
            await ingest(pool, FakeEmbedder("other", 32), tmp_path, name)

        assert await rows(pool, name) == before

    async def test_of_a_second_ingest_while_one_is_running(self, pool: Pool, tmp_path: Path, name: str) -> None:
        write(tmp_path, 1)
        async with pool.connection() as other:
            await other.execute("select pg_advisory_lock(hashtextextended(%s, 0))", (f"firstline-ingest:{name}",))

            with pytest.raises(CorpusError, match="another ingest"):
                await ingest(pool, FakeEmbedder(), tmp_path, name)

            await other.execute("select pg_advisory_unlock(hashtextextended(%s, 0))", (f"firstline-ingest:{name}",))


class TestPassageText:
    def test_says_where_the_chunk_stands_and_drops_the_targets_of_links(self) -> None:
        chunk = Chunk("kb_0", "a", 1, "Seats > Limits", "See [plans](plans.md) and ![a picture](x.png).", "en")

        assert passage_text("Add seats", chunk) == "Add seats\nSeats > Limits\nSee plans and a picture."

    def test_does_not_repeat_a_title_that_the_chunk_begins_with(self) -> None:
        chunk = Chunk("kb_0", "a", 0, "Add seats", "# Add seats\n\nOpen Settings.", "en")

        assert passage_text("Add seats", chunk) == "# Add seats\n\nOpen Settings."
