"""What an article is, and when a text is none."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from firstline.knowledge.language import detect_language

MAX_BODY = 1_000_000
"""Characters; a longer "article" is a dump whose chunks would drown the others."""
MAX_ID = 200
MAX_TITLE = 500

_LANGUAGE = re.compile(r"^([A-Za-z]{2,3})(?:[-_][A-Za-z0-9]+)*$")
_FIRST_HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t]*#*$", re.MULTILINE)
_INVISIBLE = re.compile(
    r"<!--.*?-->|<a\s+(?:name|id)=[^>]*>\s*</a>"
    # What no reader of the page sees must not reach the model either.
    r"|<(\w+)\b[^>]*(?:\shidden\b|display:\s*none|visibility:\s*hidden|font-size:\s*0)[^>]*>.*?</\1\s*>"
    r"|[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\U000e0000-\U000e007f]",
    re.DOTALL | re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


class Unusable(ValueError):
    """A text that is no article; the message is the reason, for the person who wrote it."""


@dataclass(frozen=True)
class Article:
    """One article of a help centre."""

    id: str
    title: str
    url: str
    language: str
    """ISO 639-1, lower case."""
    body: str
    """Markdown."""


def make_article(fields: Mapping[str, object], body: object, fallback_id: str = "") -> Article:
    """An article from its fields (`id`, `title`, `url`, `lang`) and its Markdown body.

    A missing title is the first heading, a missing language is detected. Raises `Unusable`.
    """
    if not isinstance(body, str):
        raise Unusable("the body is missing or not a text")
    if len(body) > MAX_BODY:
        raise Unusable(f"the body has {len(body):,} characters; at most {MAX_BODY:,} are an article: split it")
    if "\x00" in body or len(_CONTROL.findall(body)) > len(body) / 100:
        raise Unusable("the body is binary, not a text")
    body = _storable(_CONTROL.sub(" ", _INVISIBLE.sub("", body))).strip()
    if not re.search(r"\w", body):
        raise Unusable("the body is empty")
    identity = _text(fields, "id") or fallback_id
    if not identity or len(identity) > MAX_ID:
        raise Unusable(f"the id is missing or longer than {MAX_ID} characters")
    heading = _FIRST_HEADING.search(body)
    title = _text(fields, "title") or (heading.group(1) if heading else identity)
    return Article(identity, title[:MAX_TITLE], _text(fields, "url"), _language(fields, f"{title}\n{body}"), body)


def _text(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Unusable(f"{name} is not a text")
    return _storable(" ".join(_CONTROL.sub(" ", str(value)).split()))


def _language(fields: Mapping[str, object], text: str) -> str:
    stated = _text(fields, "lang")
    if stated:
        match = _LANGUAGE.match(stated)
        if not match:
            raise Unusable(f"lang {stated!r} is not a language code such as en or es")
        return match.group(1).lower()
    return detect_language(text)


def _storable(text: str) -> str:
    """Without the lone surrogates that JSON can carry and UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode()
