"""Whether the right article is found, measured through the product's own ingest and search."""

import json
import random
import tempfile
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from firstline.adapters.postgres import Pool
from firstline.domain.passages import Passage
from firstline.knowledge.calibrate import Question, Sureness, sureness
from firstline.knowledge.embed import Embedder
from firstline.knowledge.ingest import IngestReport, ingest
from firstline.knowledge.search import PostgresKnowledge
from firstline.knowledge.versions import drop_collection
from firstline.settings import Settings
from workers.bench.bm25 import Bm25
from workers.bench.database import bench_pool
from workers.bench.quality import SEED, Estimate, quality
from workers.bench.retrieval_set import RetrievalSet, read_set
from workers.wiring_knowledge import embedding_model

log = structlog.get_logger()

WAYS = ("bm25", "full_text", "dense", "fused", "reranked")
_EVERYTHING = 1_000
"""More passages than a search ever brings up: the rankings before the cut to five are what is compared."""


@dataclass(frozen=True)
class Measured:
    """Of one set: quality by way of searching, sureness, and what the ingest took."""

    ways: dict[str, dict[str, Estimate]]
    sureness: Sureness
    search_ms: list[float]
    ingest: IngestReport


async def run_retrieval(settings: Settings, folder: Path, limit: int, console: Console) -> dict[str, Any]:
    """Ingest the set at `folder` into a collection of its own, ask every question, remove the collection.

    The report has a key for each of `WAYS`, and `set`, `confidence`, `ingest`, `search_ms`.
    Raises `CorpusError` for a folder that is no retrieval set.
    """
    chosen = _drawn(read_set(folder), limit)
    async with bench_pool(settings, console) as pool:
        embedder = embedding_model(settings)
        try:
            async with own_collection(pool) as name:
                measured = await measure(pool, embedder, chosen, name, console)
        finally:
            embedder.close()
    return report(chosen, measured)


@asynccontextmanager
async def own_collection(pool: Pool) -> AsyncIterator[str]:
    """The name of a collection that nobody else uses and that is gone afterwards, however the block ends."""
    name = f"bench-{uuid.uuid4().hex[:12]}"
    try:
        yield name
    finally:
        async with pool.connection() as connection:
            await drop_collection(connection, name)


async def measure(pool: Pool, embedder: Embedder, chosen: RetrievalSet, collection: str, console: Console) -> Measured:
    """Ingest, then ask every question."""
    stored = await ingest_set(pool, embedder, chosen, collection, console)
    knowledge = PostgresKnowledge(pool, embedder, collection)
    bm25 = Bm25(chosen.articles)
    with _progress(console, "asking", "questions") as progress:
        results = [
            await knowledge.search(query.words, k=_EVERYTHING, language=query.language)
            for query in progress.track(chosen.queries)
        ]
    asked = [(query, result) for query, result in zip(chosen.queries, results, strict=True) if query.gold]
    golds = [query.gold for query, _ in asked]
    ranked = [rankings(result.passages) for _, result in asked]
    ways = {"bm25": quality([bm25.ranking(query.words, query.language) for query, _ in asked], golds)}
    ways |= {way: quality([ranking[way] for ranking in ranked], golds) for way in WAYS[1:]}
    told = [
        (Question(query.words, tuple(query.gold), query.language, query.near), result.confidence)
        for query, result in zip(chosen.queries, results, strict=True)
    ]
    return Measured(ways, sureness(told), [r.timings["total"] for r in results], stored)


def rankings(passages: list[Passage]) -> dict[str, list[str]]:
    """Article ids by each way of ordering the same passages; an article stands where its best chunk does."""
    dense = sorted((p for p in passages if p.dense_rank is not None), key=lambda p: p.dense_rank or 0)
    text = sorted((p for p in passages if p.text_rank is not None), key=lambda p: p.text_rank or 0)
    fused = sorted(passages, key=lambda p: (-p.fused, p.chunk_id))
    return {
        way: list(dict.fromkeys(passage.article_id for passage in order))
        for way, order in (("full_text", text), ("dense", dense), ("fused", fused), ("reranked", passages))
    }


def report(chosen: RetrievalSet, measured: Measured) -> dict[str, Any]:
    """What is printed and written as JSON: each measure a number, its interval beside it."""
    ways: dict[str, Any] = {}
    for way, measures in measured.ways.items():
        ways[way] = {name: one.mean for name, one in measures.items()}
        ways[way]["interval_95"] = {name: [one.low, one.high] for name, one in measures.items()}
    milliseconds = sorted(measured.search_ms)
    return {
        "set": {
            "name": chosen.name,
            "articles": len(chosen.articles),
            "questions": len(chosen.answerable),
            "off_topic": len(chosen.queries) - len(chosen.answerable),
        },
        **ways,
        "confidence": measured.sureness,
        "search_ms": {f"p{p}": milliseconds[(len(milliseconds) - 1) * p // 100] for p in (50, 95)},
        "ingest": {
            "seconds": measured.ingest.seconds,
            "chunks": measured.ingest.chunks,
            "skipped": len(measured.ingest.skipped),
        },
    }


def _drawn(whole: RetrievalSet, limit: int) -> RetrievalSet:
    if not 0 < limit < len(whole.queries):
        return whole
    return RetrievalSet(whole.name, whole.articles, random.Random(SEED).sample(whole.queries, limit))


async def ingest_set(
    pool: Pool, embedder: Embedder, chosen: RetrievalSet, collection: str, console: Console
) -> IngestReport:
    """The set's articles into a collection, showing how far it is."""
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="firstline-bench-") as folder,
        _progress(console, "ingesting", "articles") as progress,
    ):
        corpus = Path(folder) / "corpus.jsonl"
        corpus.write_text("".join(json.dumps(article) + "\n" for article in chosen.articles), "utf-8")
        task = progress.add_task("ingest", total=len(chosen.articles))
        stored = await ingest(
            pool, embedder, corpus, collection, progress=lambda so_far: progress.update(task, completed=so_far.seen)
        )
    for skipped in stored.skipped:
        log.warning("bench_article_skipped", source=skipped.source, reason=skipped.reason)
    stored.seconds = time.monotonic() - began
    return stored


def _progress(console: Console, doing: str, things: str) -> Progress:
    columns = (TextColumn(f"  {doing}"), BarColumn(), MofNCompleteColumn(), TextColumn(things), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True)
