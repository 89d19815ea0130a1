"""A corpus as a snapshot in the object store: cleaned articles in parts, so that any worker can go on with it."""

import gzip
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from firstline.knowledge.articles import Article
from firstline.knowledge.corpus import Skipped, no_article, read_corpus
from firstline.knowledge.errors import CorpusError
from firstline.ports import ObjectStore

ARTICLES = 128
"""In a part, at most: what one activity embeds, in half a minute. To hand out a part takes Temporal 70 ms."""
CHARACTERS = 2_000_000
"""In a part, about: an article may have a million."""

_LEVEL = 3
"""Of gzip: in a quarter of its default's time for a sixth more bytes."""


@dataclass
class Snapshot:
    """What was taken of a corpus."""

    parts: list[str] = field(default_factory=list)
    articles: int = 0
    skipped: list[Skipped] = field(default_factory=list)


async def take_snapshot(store: ObjectStore, path: Path, tell: Callable[[int], None] = lambda _: None) -> Snapshot:
    """Store the corpus at `path`; `tell` hears how many articles were read. The same articles make the same keys.

    Raises `CorpusError` when it holds not one usable article.
    """
    snapshot = Snapshot()
    for part in _parts(_usable(path, snapshot)):
        data = gzip.compress("".join(json.dumps(asdict(article)) + "\n" for article in part).encode(), _LEVEL, mtime=0)
        key = f"corpora/{hashlib.sha256(data).hexdigest()}.jsonl.gz"
        await store.put(key, data)
        snapshot.parts.append(key)
        snapshot.articles += len(part)
        tell(snapshot.articles)
    if not snapshot.articles:
        raise no_article(path, snapshot.skipped)
    return snapshot


async def read_part(store: ObjectStore, key: str) -> list[Article]:
    """The articles of a part. Raises `CorpusError` when it is gone."""
    data = await store.get(key)
    if data is None:
        raise CorpusError(f"{key} is no longer in the object store: run the ingest again")
    return [Article(**json.loads(line)) for line in gzip.decompress(data).splitlines()]


def _usable(path: Path, snapshot: Snapshot) -> Iterator[Article]:
    for item in read_corpus(path):
        if isinstance(item, Skipped):
            snapshot.skipped.append(item)
        else:
            yield item


def _parts(articles: Iterable[Article]) -> Iterator[list[Article]]:
    part: list[Article] = []
    for article in articles:
        part.append(article)
        if len(part) >= ARTICLES or sum(len(one.body) for one in part) >= CHARACTERS:
            yield part
            part = []
    if part:
        yield part
