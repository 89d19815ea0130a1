"""The baseline that everybody knows: BM25 over whole articles, stemmed, by the bm25s library."""

import logging
import os

# bm25s would compile itself with numba where that is installed: seconds, for nothing at this size.
os.environ.setdefault("BM25S_AUTO_COMPILE", "0")

from typing import Any

import bm25s
import Stemmer

from firstline.knowledge.language import detect_language

logging.getLogger("bm25s").setLevel(logging.WARNING)  # it makes itself heard otherwise

DEPTH = 40
_STEMMERS = {"en": "english", "es": "spanish"}
_STOPWORDS = {"en": "english", "es": "spanish"}


class Bm25:
    """Lucene's BM25 (k1 = 1.5, b = 0.75); titles count as text, every text is stemmed in its own language."""

    def __init__(self, articles: list[dict[str, Any]]) -> None:
        self._ids = [str(article["id"]) for article in articles]
        self._stem = {language: Stemmer.Stemmer(name) for language, name in _STEMMERS.items()}
        texts = [f"{article.get('title', '')}\n{article['body_markdown']}" for article in articles]
        words = [
            self._words(text, str(article.get("lang") or detect_language(text)))
            for article, text in zip(articles, texts, strict=True)
        ]
        self._index = bm25s.BM25(method="lucene", k1=1.5, b=0.75, auto_compile=False)
        self._index.index(words, show_progress=False)

    def ranking(self, question: str, language: str) -> list[str]:
        """Article ids, best first, none without a word of the question."""
        words = self._words(question, language)
        if not words:
            return []
        depth = min(DEPTH, len(self._ids))
        places, scores = self._index.retrieve([words], k=depth, show_progress=False)
        return [self._ids[place] for place, score in zip(places[0], scores[0], strict=True) if score > 0]

    def _words(self, text: str, language: str) -> list[str]:
        language = language if language in _STEMMERS else "en"
        tokens: list[list[str]] = bm25s.tokenize(
            [text],
            stopwords=_STOPWORDS[language],
            stemmer=self._stem[language],
            return_ids=False,
            show_progress=False,
        )
        return tokens[0]
