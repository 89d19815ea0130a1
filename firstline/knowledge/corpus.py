"""Reads a corpus: a folder of Markdown or HTML files, or one JSONL file. A bad article is skipped with its reason."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import frontmatter
import yaml

from firstline.knowledge.articles import Article, Unusable, make_article
from firstline.knowledge.errors import CorpusError
from firstline.knowledge.web_page import read_web_page

MAX_BYTES = 8_000_000
"""Of one file or JSONL line: beyond it nothing is even parsed."""

_MARKDOWN = {".md", ".markdown"}
_HTML = {".html", ".htm"}


@dataclass(frozen=True)
class Skipped:
    """Something in the corpus that could not be read as an article."""

    source: str
    """File, or file and line."""
    reason: str


def read_corpus(path: Path) -> Iterator[Article | Skipped]:
    """Every article under `path` in a stable order, and what had to be skipped (an id's second use among it).

    Raises `CorpusError` when `path` is no corpus at all.
    """
    seen: dict[str, str] = {}
    for source, item in _lines(path) if _is_jsonl(path) else _pages(path):
        if isinstance(item, Article) and item.id in seen:
            yield Skipped(source, f"id {item.id!r} is already that of {seen[item.id]}")
            continue
        if isinstance(item, Article):
            seen[item.id] = source
        yield item


def count_sources(path: Path) -> int:
    """How many things `read_corpus` will yield: the total that progress is measured against."""
    if not _is_jsonl(path):
        return len(_files(path))
    with _open(path) as lines:
        return sum(1 for line in lines if line.strip())


def _is_jsonl(path: Path) -> bool:
    return path.is_file() and path.name.lower().endswith((".jsonl", ".jsonl.gz"))


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise CorpusError(f"{path} does not exist: give a folder of Markdown or HTML files, or a .jsonl file")
    candidates = [path] if path.is_file() else sorted(path.rglob("*"))
    files = [file for file in candidates if file.is_file() and file.suffix.lower() in _MARKDOWN | _HTML]
    if not files:
        raise CorpusError(f"{path} holds no .md, .html or .jsonl file: there is nothing to ingest")
    return files


def _pages(path: Path) -> Iterator[tuple[str, Article | Skipped]]:
    base = path if path.is_dir() else path.parent
    for file in _files(path):
        source = file.relative_to(base).as_posix()
        try:
            yield source, _page(file, source)
        except (Unusable, OSError) as error:
            yield source, Skipped(source, _line(error))


def _page(file: Path, source: str) -> Article:
    if file.stat().st_size > MAX_BYTES:
        raise Unusable(f"the file has {file.stat().st_size:,} bytes; at most {MAX_BYTES:,} are read")
    text = _decoded(file.read_bytes())
    fallback_id = source.rpartition(".")[0]
    if file.suffix.lower() in _HTML:
        fields, body = read_web_page(text)
        return make_article(fields, body, fallback_id)
    try:
        metadata, body = frontmatter.parse(text)
    except yaml.YAMLError as error:
        raise Unusable(f"the front matter is not valid YAML: {_line(error)}") from error
    # A text that begins with a rule has lost its first part here if that was no mapping.
    return make_article(metadata, body if metadata else text, fallback_id)


def _lines(path: Path) -> Iterator[tuple[str, Article | Skipped]]:
    try:
        with _open(path) as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    source = f"{path.name}:{number}"
                    yield source, _record(source, line)
    except (OSError, EOFError) as error:
        raise CorpusError(f"{path} cannot be read to its end: {_line(error)}") from error


def _record(source: str, line: bytes) -> Article | Skipped:
    try:
        if len(line) > MAX_BYTES:
            raise Unusable(f"the line has {len(line):,} bytes; at most {MAX_BYTES:,} are read")
        record = json.loads(_decoded(line))
        if not isinstance(record, dict):
            raise Unusable("the line is not a JSON object")
        return make_article(record, record.get("body_markdown"))
    except json.JSONDecodeError as error:
        return Skipped(source, f"the line is not JSON: {_line(error)}")
    except (Unusable, RecursionError) as error:
        return Skipped(source, _line(error))


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unusable("the text is not UTF-8: it is binary, or in another encoding") from error


def _open(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
