"""A second look by a cross-encoder: question and passage read together by a sentence-transformers model."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Protocol

from firstline.domain.passages import Passage
from firstline.knowledge.errors import CorpusError

DEPTH = 12
"""Passages that are read; the others keep their place behind them."""
_BATCH = 12
_MAX_TOKENS = 512


class Reranker(Protocol):
    """Scores how well passages answer a question."""

    async def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """One number a text, higher is better, comparable within one question."""
        ...


class CrossEncoderReranker:
    """A model such as BAAI/bge-reranker-large on the CPU, in one thread of its own."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="rerank")

    @classmethod
    def load(cls, name: str) -> "CrossEncoderReranker":
        """Load and warm a model (a folder, or a name of the Hugging Face hub); takes seconds, blocks.

        Raises `CorpusError` when it cannot be loaded, or scores more than one label.
        """
        from sentence_transformers import CrossEncoder

        try:
            model = CrossEncoder(name, device="cpu", max_length=_MAX_TOKENS)
        except (OSError, ValueError) as error:
            raise CorpusError(f"the reranker {name!r} cannot be loaded: {str(error).splitlines()[0]}") from error
        if model.config.num_labels != 1:
            raise CorpusError(f"{name!r} is no reranker: it has {model.config.num_labels} labels instead of one")
        reranker = cls(model)
        reranker._predict("warm", ["warm"])
        return reranker

    async def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: self._predict(question, list(texts)))

    def close(self) -> None:
        """Let the thread go."""
        self._thread.shutdown(wait=True)

    def _predict(self, question: str, texts: list[str]) -> list[float]:
        pairs = [(question, text) for text in texts]
        return [float(score) for score in self._model.predict(pairs, batch_size=_BATCH, show_progress_bar=False)]


async def read_again(reranker: Reranker, question: str, passages: list[Passage]) -> list[Passage]:
    """The first `DEPTH` passages in the order of the reranker's scores, which become their `relevance`."""
    head = passages[:DEPTH]
    if not head:
        return passages
    scores = await reranker.scores(question, [f"{passage.title}\n{passage.text}" for passage in head])
    scored = [replace(passage, relevance=score) for passage, score in zip(head, scores, strict=True)]
    return sorted(scored, key=lambda passage: -passage.relevance) + passages[DEPTH:]
