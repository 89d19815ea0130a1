"""OpenAI's embedding models (text-embedding-3-large: 3,072 dimensions), by the official SDK."""

import asyncio
from collections.abc import Sequence

from openai import APIConnectionError, APIStatusError, AsyncOpenAI, OpenAIError

from firstline.knowledge.errors import CorpusError
from firstline.knowledge.packaged import packaged_tokenizer
from firstline.ports import PortError

DIMENSIONS = {"text-embedding-3-large": 3_072, "text-embedding-3-small": 1_536}
_BATCH = 256
"""Texts in a request, about 120,000 tokens: 2,048 and 300,000 are allowed."""
_MAX_CHARACTERS = 24_000
"""The models read 8,191 tokens."""
_FINAL = {400, 401, 403, 404, 422}


class OpenAIEmbedder:
    """`knowledge.embed.Embedder` over HTTP. Its vectors are unit vectors as they come."""

    def __init__(self, name: str, api_key: str, base_url: str = "", *, timeout: float = 20.0) -> None:
        """`base_url`: another server for the same API; empty means OpenAI's. Seconds. Raises `CorpusError`."""
        if name not in DIMENSIONS:
            raise CorpusError(f"no OpenAI embedding model {name!r} is known: {' or '.join(DIMENSIONS)}")
        if not api_key:
            raise CorpusError(f"the embedding model {name} needs OPENAI_API_KEY")
        self._name = name
        # Retries are the caller's.
        self._client = AsyncOpenAI(api_key=api_key, base_url=base_url or None, timeout=timeout, max_retries=0)

    @property
    def name(self) -> str:
        return self._name

    @property
    def dimension(self) -> int:
        return DIMENSIONS[self._name]

    @property
    def tokenizer(self) -> str:
        """The packaged model's: OpenAI's own is not a Hugging Face tokenizer, and chunks need no exact count here."""
        return packaged_tokenizer()

    @property
    def languages(self) -> frozenset[str] | None:
        return None

    async def query(self, text: str) -> list[float]:
        return (await self._embed([text]))[0]

    async def passages(self, texts: Sequence[str]) -> list[list[float]]:
        pieces = [list(texts[start : start + _BATCH]) for start in range(0, len(texts), _BATCH)]
        return [vector for piece in pieces for vector in await self._embed(piece)]

    def close(self) -> None:
        """Close the connections."""
        try:
            asyncio.get_running_loop().create_task(self._client.close())
        except RuntimeError:
            return  # the loop that owned them is over, and they with it

    async def _embed(self, texts: list[str]) -> list[list[float]]:
        try:
            answer = await self._client.embeddings.create(
                model=self._name, input=[text[:_MAX_CHARACTERS] for text in texts], encoding_format="float"
            )
        except APIStatusError as error:
            kind = CorpusError if error.status_code in _FINAL else PortError
            raise kind(f"the embedding model {self._name} answered {error.status_code}") from error
        except (APIConnectionError, OpenAIError) as error:
            raise PortError(f"the embedding model {self._name} did not answer: {type(error).__name__}") from error
        vectors = [one.embedding for one in sorted(answer.data, key=lambda one: one.index)]
        if len(vectors) != len(texts) or any(len(vector) != self.dimension for vector in vectors):
            raise CorpusError(f"the embedding model {self._name} did not answer with {self.dimension} dimensions")
        return vectors
