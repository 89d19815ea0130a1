"""A corpus into the knowledge base: only what changed is embedded, a kill loses no committed batch, and what is
searched changes at once when all is there."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import structlog

from firstline.knowledge.articles import Article
from firstline.knowledge.chunk import Chunk, Chunker, chunker_of
from firstline.knowledge.corpus import Skipped, all_read, count_sources, no_article, read_corpus
from firstline.knowledge.embed import Embedder
from firstline.knowledge.errors import CorpusError
from firstline.knowledge.store import (
    Connection,
    Pool,
    Prepared,
    check_model,
    content_hash,
    content_hashes,
    find_collection,
    index,
    remove,
    save,
)
from firstline.knowledge.versions import open_version, switch_over

log = structlog.get_logger()

BATCH = 32
"""Chunks embedded and committed together: a kill costs the batch being stored and the one being embedded."""

_LINK = re.compile(r"!?\[([^\]]*)\]\([^)\s]*(?:\s+\"[^\"]*\")?\)")


class IngestRunning(CorpusError):
    """Somebody else ingests into the same collection."""


@dataclass
class IngestReport:
    """How far an ingest is, and at its end what it did. The progress callback gets it after every article and batch."""

    collection: str
    total: int
    """Files or lines in the corpus."""
    doing: str = "reading"
    """`embedding`, `indexing`, … or what it waits for."""
    seen: int = 0
    stored: int = 0
    """Articles that were new or changed, and are now committed."""
    unchanged: int = 0
    chunks: int = 0
    """Chunks of the stored articles."""
    skipped: list[Skipped] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)
    """Ids that the collection has and the corpus has not; removed only where `pruned`."""
    pruned: bool = False
    version: int = 0
    """Of the corpus that is searched at the end."""
    seconds: float = 0.0


Progress = Callable[[IngestReport], None]


async def ingest(
    pool: Pool,
    embedder: Embedder,
    path: Path,
    collection: str,
    *,
    progress: Progress | None = None,
    prune: bool = False,
) -> IngestReport:
    """Bring `collection` up to the corpus at `path` as a new version; run again after a kill, it goes on where it was.

    The version before is searched until the new one is complete; a corpus in which nothing changed makes no new one.

    Articles that the corpus no longer has stay unless `prune` is set, and then only if every source could be read (a
    broken file is not a deleted one). Raises `CorpusError` when there is nothing to ingest, the collection belongs to
    another embedding model, or another ingest of it is running.
    """
    started = time.monotonic()
    report = IngestReport(collection, count_sources(path))
    tell = progress or (lambda _: None)
    try:
        async with pool.connection() as connection, alone(connection, collection):
            known = await known_articles(connection, collection, embedder)
            ids: set[str] = set()
            report.doing = "embedding"
            async for batch in batches(embedder, _changed(path, known, ids, report, tell)):
                target = await open_version(connection, collection, embedder)
                await save(connection, target, batch)
                report.stored += len(batch)
                report.chunks += sum(len(prepared.chunks) for prepared in batch)
                tell(report)
            if not ids:
                raise no_article(path, report.skipped)
            report.doing = "indexing"
            tell(report)
            await _finish(connection, embedder, report, ids, known, prune)
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        raise CorpusError(f"the database gave up ({reason}); what was stored stays: run the ingest again") from error
    report.seconds = time.monotonic() - started
    log.info("corpus_ingested", stored=report.stored, chunks=report.chunks, skipped=len(report.skipped))
    return report


@asynccontextmanager
async def alone(connection: Connection, collection: str) -> AsyncIterator[None]:
    """Two ingests of one collection would undo each other's articles. Raises `IngestRunning`."""
    key = f"firstline-ingest:{collection}"
    row = await (await connection.execute("select pg_try_advisory_lock(hashtextextended(%s, 0))", (key,))).fetchone()
    if row is None or not row[0]:
        raise IngestRunning(f"another ingest into collection {collection!r} is running: wait for it")
    try:
        yield
    finally:
        if not connection.broken:
            await connection.execute("select pg_advisory_unlock(hashtextextended(%s, 0))", (key,))


async def known_articles(
    connection: Connection, name: str, embedder: Embedder, ids: Sequence[str] | None = None
) -> dict[str, str]:
    """Article id -> content hash of the version being built, or else of the active one; only of `ids` where given."""
    found = await find_collection(connection, name, "building") or await find_collection(connection, name)
    if found is None:
        return {}
    check_model(found, embedder)
    return await content_hashes(connection, found, ids)


def _changed(
    path: Path, known: dict[str, str], ids: set[str], report: IngestReport, tell: Progress
) -> Iterator[Article]:
    for item in read_corpus(path):
        report.seen += 1
        if isinstance(item, Skipped):
            report.skipped.append(item)
        else:
            ids.add(item.id)
            if known.get(item.id) == content_hash(item):
                report.unchanged += 1
            else:
                yield item
        tell(report)


async def batches(embedder: Embedder, articles: Iterator[Article]) -> AsyncIterator[list[Prepared]]:
    """The articles embedded, about `BATCH` chunks at a time; the next batch while the caller stores this one."""
    ahead: asyncio.Task[list[Prepared]] | None = None
    try:
        async for group in _groups(embedder, articles):
            ready, ahead = ahead, asyncio.create_task(_embed(embedder, group))
            if ready is not None:
                yield await ready
        if ahead is not None:
            yield await ahead
    finally:
        if ahead is not None:
            ahead.cancel()


async def _groups(embedder: Embedder, articles: Iterator[Article]) -> AsyncIterator[list[tuple[Article, list[Chunk]]]]:
    waiting: list[tuple[Article, list[Chunk]]] = []
    chunker: Chunker | None = None
    for article in articles:
        chunker = chunker or chunker_of(embedder.tokenizer)  # only now: in most parts nothing changed
        # A long article takes a while, and others live on this loop.
        waiting.append((article, await asyncio.to_thread(chunker.chunks, article)))
        if sum(len(chunks) for _, chunks in waiting) >= BATCH:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


async def _embed(embedder: Embedder, waiting: list[tuple[Article, list[Chunk]]]) -> list[Prepared]:
    texts = [passage_text(article.title, chunk) for article, chunks in waiting for chunk in chunks]
    vectors = iter(await embedder.passages([*texts, *(article.title for article, _ in waiting)]))
    bodies = [[next(vectors) for _ in chunks] for _, chunks in waiting]
    return [
        Prepared(article, chunks, body, next(vectors)) for (article, chunks), body in zip(waiting, bodies, strict=True)
    ]


def passage_text(title: str, chunk: Chunk) -> str:
    """What is embedded of a chunk: where it stands and what it says, without the targets of its links."""
    text = _LINK.sub(r"\1", chunk.text)
    above = [words for words in (title, chunk.heading) if words and words not in text[: len(words) + 8]]
    return "\n".join([*above, text])


async def _finish(
    connection: Connection, embedder: Embedder, report: IngestReport, ids: set[str], known: dict[str, str], prune: bool
) -> None:
    report.vanished = sorted(known.keys() - ids)
    report.pruned = bool(prune and report.vanished and all_read(report.skipped))
    if report.pruned:
        await remove(connection, await open_version(connection, report.collection, embedder), report.vanished)
    report.version = await complete(connection, report.collection)


async def complete(connection: Connection, collection: str) -> int:
    """Index what was built and switch over to it; the version searched then. Harmless when nothing was built."""
    building = await find_collection(connection, collection, "building")
    if building is not None:
        await index(connection, building)
        await switch_over(connection, building)
    active = await find_collection(connection, collection)
    return active.version if active else 0
