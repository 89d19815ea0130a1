"""Text to vectors: the protocol, and what every model on this machine shares."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

REMEMBERED = 512
"""Questions whose vectors are kept; at 384 numbers about 6 MB."""


class Embedder(Protocol):
    """Turns texts into unit vectors whose inner product is their cosine similarity."""

    @property
    def name(self) -> str:
        """The model; a collection belongs to one."""
        ...

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""
        ...

    @property
    def tokenizer(self) -> str:
        """JSON of the model's Hugging Face fast tokenizer: chunks are counted in its tokens."""
        ...

    @property
    def languages(self) -> frozenset[str] | None:
        """ISO 639-1 codes that the model was trained on; None when it is multilingual or nobody says."""
        ...

    async def query(self, text: str) -> list[float]:
        """The vector of a question."""
        ...

    async def passages(self, texts: Sequence[str]) -> list[list[float]]:
        """The vectors of texts to be found."""
        ...


class LocalEmbedder(ABC):
    """A model on this machine's CPU, in threads of its own so that the event loop never waits for it."""

    def __init__(self, threads: int = 1) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="embed")
        # What was asked while the caller spoke is asked again when they stop.
        self._asked: dict[str, list[float]] = {}

    async def query(self, text: str) -> list[float]:
        known = self._asked.get(text)
        if known is None:
            loop = asyncio.get_running_loop()
            known = await loop.run_in_executor(self._threads, self._question, text)
            if len(self._asked) >= REMEMBERED:
                self._asked.pop(next(iter(self._asked)))
            self._asked[text] = known
        return known

    def forget(self) -> None:
        """Compute the next vector of every question anew."""
        self._asked.clear()

    @abstractmethod
    async def passages(self, texts: Sequence[str]) -> list[list[float]]:
        """The vectors of texts to be found."""

    @abstractmethod
    def _question(self, text: str) -> list[float]:
        """The vector of a question; called in one of the threads."""

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=True)
