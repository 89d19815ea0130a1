"""Any sentence-transformers model as an embedder."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

from firstline.knowledge.embed import LocalEmbedder
from firstline.knowledge.errors import CorpusError


class SentenceTransformerEmbedder(LocalEmbedder):
    """A sentence-transformers model, one text or batch at a time; torch itself spreads it over the cores."""

    def __init__(self, name: str, model: Any, languages: frozenset[str] | None = None) -> None:
        """`languages`: see the protocol."""
        super().__init__()
        self._name = name
        self._model = model
        self._languages = languages

    @classmethod
    def load(
        cls, name: str, *, folder: str = "", languages: frozenset[str] | None = None, threads: int | None = None
    ) -> "SentenceTransformerEmbedder":
        """Load and warm a model; takes seconds, blocks. `threads` is torch's, for the whole process.

        `name` is a folder, or a model of the Hugging Face hub; with `folder`, the model there goes by that name.
        Raises `CorpusError` when it cannot be loaded.
        """
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()  # type: ignore[no-untyped-call]
        if threads is not None:
            torch.set_num_threads(threads)
        try:
            model = SentenceTransformer(folder or name, device="cpu", local_files_only=bool(folder))
        except (OSError, ValueError) as error:
            raise CorpusError(f"the embedding model {name!r} cannot be loaded: {str(error).splitlines()[0]}") from error
        # Models state the length they were tuned on; a chunk of 480 tokens must not be cut to half of itself.
        model.max_seq_length = _longest(model)
        embedder = cls(name, model, languages)
        embedder._question("warm")
        return embedder

    @property
    def name(self) -> str:
        return self._name

    @property
    def dimension(self) -> int:
        return int(self._model.get_embedding_dimension())

    @property
    def tokenizer(self) -> str:
        return str(self._model.tokenizer.backend_tokenizer.to_str())

    @property
    def languages(self) -> frozenset[str] | None:
        return self._languages

    async def passages(self, texts: Sequence[str]) -> list[list[float]]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._encode, self._model.encode_document, list(texts))

    def _question(self, text: str) -> list[float]:
        return self._encode(self._model.encode_query, [text])[0]

    def _encode(self, encode: Any, texts: list[str]) -> list[list[float]]:
        with _precision():
            vectors = encode(texts, batch_size=16, normalize_embeddings=True, show_progress_bar=False)
        numbers: list[list[float]] = vectors.tolist()
        return numbers


def _precision() -> contextlib.AbstractContextManager[object]:
    """bfloat16 where the CPU computes in it, at a cosine of 0.9999 to float32.

    Half as many again chunks a second, and a quarter off a question's time.
    """
    import torch

    able = torch.cpu.get_capabilities()
    native = bool(able.get("avx512_bf16") or able.get("amx_bf16"))
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=native)


def _longest(model: Any) -> int:
    config = model[0].auto_model.config
    limit = int(getattr(config, "max_position_embeddings", model.max_seq_length))
    return min(512, limit)
