"""Cuts an article into chunks of at most 480 tokens of the embedding model, 80 of them shared with the one before."""

import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from semantic_text_splitter import MarkdownSplitter, TextSplitter
from tokenizers import Tokenizer

from firstline.knowledge.articles import Article
from firstline.knowledge.language import language_of_part

TOKENS = 480
OVERLAP = 80
MAX_CHARACTERS = 6_000
"""A tokenizer may count a line of base64 as one unknown token: no chunk is longer than this whatever it counts."""

_HEADING = re.compile(r"^ {0,3}(#{1,6})[ \t]+(.+?)[ \t]*#*[ \t]*$")
_FENCE = re.compile(r"^ {0,3}(```|~~~)")


@dataclass(frozen=True)
class Chunk:
    """A piece of an article, as it is embedded, searched and shown to the model."""

    id: str
    """`kb_<12 hex>`: the same article's same text has the same id in every ingest, wherever it moves in the article."""
    article_id: str
    ordinal: int
    """0-based place in the article."""
    heading: str
    """The headings it stands under, joined by ` > `."""
    text: str
    language: str
    """Its article's, or the other one that it is written in."""


class Chunker:
    """Splits at the highest Markdown boundary that fits. Pure; safe to share between threads."""

    def __init__(self, tokenizer: str) -> None:
        """`tokenizer`: the JSON of a Hugging Face fast tokenizer."""
        counting = json.loads(tokenizer)
        # Left in, these would make every text count as the same number of tokens.
        counting["truncation"] = counting["padding"] = None
        counter = Tokenizer.from_str(json.dumps(counting))
        self._markdown = MarkdownSplitter.from_huggingface_tokenizer(counter, TOKENS, overlap=OVERLAP)
        self._characters = TextSplitter(MAX_CHARACTERS)

    def chunks(self, article: Article) -> list[Chunk]:
        """The article's chunks in order; at least one."""
        headings = _headings(article.body)
        seen: Counter[str] = Counter()
        chunks: list[Chunk] = []
        for offset, piece in self._markdown.chunk_indices(article.body):
            for text in self._characters.chunks(piece) if len(piece) > MAX_CHARACTERS else [piece]:
                heading, language = _path(headings, offset), language_of_part(text, article.language)
                name = _id(article.id, text, seen[text])
                chunks.append(Chunk(name, article.id, len(chunks), heading, text, language))
                seen[text] += 1
        return chunks


@lru_cache(maxsize=2)
def chunker_of(tokenizer: str) -> Chunker:
    """The same one for the same tokenizer: to make one takes 80 ms, and a corpus comes in hundreds of parts."""
    return Chunker(tokenizer)


def _id(article_id: str, text: str, repeat: int) -> str:
    digest = hashlib.sha256("\0".join((article_id, text, str(repeat))).encode()).hexdigest()
    return f"kb_{digest[:12]}"


def _headings(body: str) -> list[tuple[int, int, str]]:
    """(offset in characters, level, words) of every ATX heading outside fenced code."""
    found: list[tuple[int, int, str]] = []
    offset, fence = 0, ""
    for line in body.splitlines(keepends=True):
        mark = _FENCE.match(line)
        if mark and fence in ("", mark.group(1)):
            fence = "" if fence else mark.group(1)
        heading = None if fence else _HEADING.match(line.rstrip("\r\n"))
        if heading:
            found.append((offset, len(heading.group(1)), heading.group(2)))
        offset += len(line)
    return found


def _path(headings: list[tuple[int, int, str]], offset: int) -> str:
    """The headings that a text at `offset` stands under, one it begins with included."""
    stack: list[tuple[int, str]] = []
    for start, level, words in headings:
        if start > offset:
            break
        stack = [above for above in stack if above[0] < level]
        stack.append((level, words))
    return " > ".join(words for _, words in stack)
