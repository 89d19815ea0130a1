"""A retrieval set on disk: `corpus.jsonl[.gz]` (`id`, `title`, `text` or `body_markdown`, `lang`) and `queries.jsonl`
(`qid`, `question`, `gold_ids`, `lang`, `mask`, `near`)."""

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firstline.knowledge.errors import CorpusError
from firstline.knowledge.language import detect_language


@dataclass(frozen=True)
class Query:
    """A question and the articles that answer it."""

    id: str
    words: str
    gold: frozenset[str]
    """Article ids; empty for a question that no article answers."""
    language: str
    near: bool = False
    """No article answers it, yet it is about the articles' field."""


@dataclass(frozen=True)
class RetrievalSet:
    """Articles as JSONL records that `firstline ingest` reads, and the questions about them."""

    name: str
    articles: list[dict[str, Any]]
    queries: list[Query]

    @property
    def answerable(self) -> list[Query]:
        """The questions that some article answers."""
        return [query for query in self.queries if query.gold]


def read_set(folder: Path) -> RetrievalSet:
    """The set in `folder`. A query's `mask` is cut out of its gold articles, or the question would find itself.

    Raises `CorpusError` with file and line for what is missing or is no such record.
    """
    corpus = next((path for name in ("corpus.jsonl", "corpus.jsonl.gz") if (path := folder / name).is_file()), None)
    if corpus is None:
        raise CorpusError(f"{folder} holds no corpus.jsonl or corpus.jsonl.gz: give the folder of a retrieval set")
    if not (folder / "queries.jsonl").is_file():
        raise CorpusError(f"{folder} holds no queries.jsonl: give the folder of a retrieval set")
    masks: dict[str, list[str]] = defaultdict(list)
    queries = []
    for where, record in _records(folder / "queries.jsonl"):
        query = _query(where, record)
        queries.append(query)
        for gold in query.gold if record.get("mask") else ():
            masks[gold].append(str(record["mask"]))
    articles = [_article(where, record, masks) for where, record in _records(corpus)]
    known = {article["id"] for article in articles}
    if lost := [query for query in queries if query.gold and not query.gold & known]:
        raise CorpusError(f"{folder}: the corpus has none of the gold_ids of query {lost[0].id!r}")
    if not any(query.gold for query in queries):
        raise CorpusError(f"{folder / 'queries.jsonl'} holds no question with gold_ids: there is nothing to measure")
    return RetrievalSet(folder.resolve().name, articles, queries)


def _query(where: str, record: dict[str, Any]) -> Query:
    words, gold = record.get("question"), record.get("gold_ids")
    if not isinstance(words, str) or not isinstance(gold, list):
        raise CorpusError(f"{where}: a query needs a question and a list of gold_ids")
    language, identity = record.get("lang") or detect_language(words), str(record.get("qid", where))
    return Query(identity, words, frozenset(map(str, gold)), str(language), bool(record.get("near")))


def _article(where: str, record: dict[str, Any], masks: dict[str, list[str]]) -> dict[str, Any]:
    body = record.get("body_markdown", record.get("text"))
    if not isinstance(body, str) or not record.get("id"):
        raise CorpusError(f"{where}: an article needs an id and a text or body_markdown")
    identity = str(record["id"])
    for mask in masks.get(identity, ()):
        body = body.replace(mask, "")
    kept = {name: record[name] for name in ("title", "url", "lang") if record.get(name)}
    return {"id": identity, "body_markdown": body, **kept}


def _records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield f"{path.name}:{number}", _record(f"{path.name}:{number}", line)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path} cannot be read: {error}") from error


def _record(where: str, line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise CorpusError(f"{where}: the line is not JSON: {error}") from error
    if not isinstance(record, dict):
        raise CorpusError(f"{where}: the line is not a JSON object")
    return record
