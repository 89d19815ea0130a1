"""The corpus of the shipped questions is the sample help centre: `python -m tests.knowledge.sample_set` writes it."""

import json
from pathlib import Path

from firstline.knowledge.articles import Article
from firstline.knowledge.corpus import read_corpus

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
CORPUS = EXAMPLES / "questions" / "corpus.jsonl"


def expected() -> str:
    """What the file must hold."""
    articles = [item for item in read_corpus(EXAMPLES / "help-centre") if isinstance(item, Article)]
    records = [
        {"id": a.id, "title": a.title, "url": a.url, "lang": a.language, "body_markdown": a.body} for a in articles
    ]
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


if __name__ == "__main__":
    CORPUS.write_text(expected(), "utf-8")
