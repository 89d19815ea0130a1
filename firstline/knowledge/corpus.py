"""Reads a corpus: a folder of Markdown or HTML files, or one JSONL file. A bad article is skipped with its reason."""

import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

from firstline.knowledge.articles import Article, Unusable, make_article
from firstline.knowledge.errors import CorpusError
from firstline.knowledge.front_matter import read_front_matter
from firstline.knowledge.web_page import read_web_page

MAX_BYTES = 8_000_000
"""Of one file or JSONL line: beyond it nothing is even parsed."""

_MARKDOWN = {".md", ".markdown"}
_HTML = {".html", ".htm"}
_JSONL = (".jsonl", ".jsonl.gz")


@dataclass(frozen=True)
class Skipped:
    """Something in the corpus that is not taken as an article."""

    source: str
    """File, or file and line."""
    reason: str
    read: bool = False
    """It was read and the corpus has it already; else nobody knows which article it would have been."""


def all_read(skipped: Iterable[Skipped]) -> bool:
    """Whether an article that is not in the corpus is gone for certain, and not among what could not be read."""
    return all(one.read for one in skipped)


def no_article(path: Path, skipped: Sequence[Skipped]) -> CorpusError:
    """What to say of a corpus without one usable article."""
    reasons = "; ".join(f"{one.source}: {one.reason}" for one in skipped[:3])
    more = f"; and {len(skipped) - 3:,} more" if len(skipped) > 3 else ""
    return CorpusError(f"{path} holds not one article that can be used: {reasons or 'it is empty'}{more}")


@dataclass
class _Taken:
    """What was yielded so far: where each id and each text came from."""

    ids: dict[str, str] = field(default_factory=dict)
    texts: dict[bytes, str] = field(default_factory=dict)

    def refuse(self, source: str, article: Article) -> Skipped | None:
        """Why an article is not taken beside the others; it is remembered when it is."""
        if article.id in self.ids:
            return Skipped(source, f"id {article.id!r} is already that of {self.ids[article.id]}", read=True)
        text = hashlib.sha256(f"{article.title}\0{article.body}".encode()).digest()
        if text in self.texts:
            return Skipped(source, f"it says word for word what {self.texts[text]} says", read=True)
        self.ids[article.id] = self.texts[text] = source
        return None


def read_corpus(path: Path) -> Iterator[Article | Skipped]:
    """Every article under `path` in a stable order, and what had to be skipped: a second use of an id or of a text, too
    (copies would fill the few places of an answer's passages).

    Raises `CorpusError` when `path` is no corpus at all.
    """
    taken = _Taken()
    for source, item in _lines(path) if _is_jsonl(path) else _pages(path):
        yield (taken.refuse(source, item) if isinstance(item, Article) else None) or item


def count_sources(path: Path) -> int:
    """How many things `read_corpus` will yield: the total that progress is measured against. Raises `CorpusError`."""
    if not _is_jsonl(path):
        return len(_files(path))
    with _opened(path) as file:
        return sum(1 for line in _bounded(file) if line.strip())


def _is_jsonl(path: Path) -> bool:
    return path.is_file() and path.name.lower().endswith(_JSONL)


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise CorpusError(f"{path} does not exist: give a folder of Markdown or HTML files, or a .jsonl file")
    candidates = [path] if path.is_file() else _below(path)
    files = [file for file in candidates if file.suffix.lower() in _MARKDOWN | _HTML]
    if not files:
        lines = next((file for file in candidates if file.name.lower().endswith(_JSONL)), None)
        if lines is not None:
            raise CorpusError(f"{path} holds no .md or .html file: for its JSONL, name the file: {lines}")
        raise CorpusError(
            f"{path} {'is' if path.is_file() else 'holds'} no .md, .html or .jsonl file: nothing to ingest"
        )
    return files


def _below(folder: Path) -> list[Path]:
    """Every file. A folder that cannot be listed is an error: its articles would count as deleted."""

    def refuse(error: OSError) -> None:
        raise CorpusError(f"{error.filename} cannot be listed: {error.strerror}") from error

    walked = os.walk(folder, onerror=refuse)
    return sorted(Path(place) / name for place, _, names in walked for name in names)


def _pages(path: Path) -> Iterator[tuple[str, Article | Skipped]]:
    base = path if path.is_dir() else path.parent
    for file in _files(path):
        # A name that is not UTF-8 can be opened, and neither stored nor printed.
        source = os.fsencode(file.relative_to(base)).decode("utf-8", "replace")
        try:
            yield source, _page(file, source)
        except Unusable as error:
            yield source, Skipped(source, _line(error))
        except OSError as error:
            yield source, Skipped(source, f"the file cannot be read: {error.strerror}")


def _page(file: Path, source: str) -> Article:
    if (size := file.stat().st_size) > MAX_BYTES:
        raise Unusable(f"the file has {size:,} bytes; at most {MAX_BYTES:,} are read: split it into articles")
    text = _decoded(file.read_bytes())
    read = read_web_page if file.suffix.lower() in _HTML else read_front_matter
    fields, body = read(text)
    return make_article(fields, body, source.rpartition(".")[0])


def _lines(path: Path) -> Iterator[tuple[str, Article | Skipped]]:
    with _opened(path) as file:
        for number, line in enumerate(_bounded(file), start=1):
            if line.strip():
                source = f"{path.name}:{number}"
                yield source, _record(source, line)


def _record(source: str, line: bytes) -> Article | Skipped:
    try:
        if len(line) > MAX_BYTES:
            raise Unusable(f"the line is longer than {MAX_BYTES:,} bytes: split it into articles")
        record = json.loads(_decoded(line))
        if not isinstance(record, dict):
            raise Unusable("the line is not a JSON object")
        return make_article(record, record.get("body_markdown"))
    except Unusable as error:
        return Skipped(source, _line(error))
    except (ValueError, RecursionError) as error:
        return Skipped(source, f"the line is not JSON: {_line(error)}")


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unusable("the text is not UTF-8: it is binary, or in another encoding to be converted") from error


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        with cast(IO[bytes], gzip.open(path, "rb")) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            yield file
    except (OSError, EOFError, zlib.error) as error:
        raise CorpusError(f"{path} cannot be read to its end: {_line(error)}") from error


def _bounded(file: IO[bytes]) -> Iterator[bytes]:
    """The lines, of a longer one the first `MAX_BYTES` + 1 bytes."""
    while line := file.readline(MAX_BYTES + 1):
        rest = line
        while len(rest) > MAX_BYTES and not rest.endswith(b"\n"):
            rest = file.readline(MAX_BYTES + 1)
        yield line


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
