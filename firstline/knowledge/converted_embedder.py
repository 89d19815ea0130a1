"""What the packaged embedding models share: a form in 8-bit integers, converted once, kept, and run by CTranslate2."""

import asyncio
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import ctranslate2
import numpy as np
import structlog
from tokenizers import Tokenizer

from firstline.knowledge.embed import LocalEmbedder

log = structlog.get_logger()

FORM = "int8_float32"
"""Weights by row and activations by token in 8 bits, the rest in 32: a cosine of 0.998 to the floats."""
_LONGEST = 512
"""Tokens; what the models have positions for."""


class ConvertedEmbedder(LocalEmbedder):
    """The mean of a model's last layer, one text at a time in each thread (batches of long texts only push each other
    out of the processor's cache)."""

    question_prefix = passage_prefix = ""
    """What the model was trained to read before a text."""

    def __init__(self, folder: Path, tokenizer: str, threads: int) -> None:
        """`folder`: what `kept` made; `tokenizer`: JSON of the model's own."""
        super().__init__(threads)
        self._model = ctranslate2.Encoder(str(folder), compute_type=FORM, inter_threads=threads, intra_threads=1)
        self._json = tokenizer
        self._tokenizer = Tokenizer.from_str(tokenizer)
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_LONGEST)

    @property
    def dimension(self) -> int:
        return 384

    @property
    def tokenizer(self) -> str:
        return self._json

    async def passages(self, texts: Sequence[str]) -> list[list[float]]:
        loop = asyncio.get_running_loop()
        waiting = (loop.run_in_executor(self._threads, self._vector, self.passage_prefix + text) for text in texts)
        return list(await asyncio.gather(*waiting))

    def warm(self) -> None:
        """Answer the first question, which takes longer than all others. Blocks."""
        self._question("warm")

    def _question(self, text: str) -> list[float]:
        return self._vector(self.question_prefix + text)

    def _vector(self, text: str) -> list[float]:
        tokens = self._tokenizer.encode(text).ids
        mean = np.asarray(self._model.forward_batch([tokens]).last_hidden_state)[0].mean(axis=0)
        numbers: list[float] = (mean / np.linalg.norm(mean)).tolist()
        return numbers


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


def whole(folder: Path) -> bool:
    """Whether `folder` holds a converted model as it was made."""
    stated = folder / "SHA256"
    return stated.is_file() and stated.read_text("utf-8") == digest(folder / "model.bin")


def digest(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, hashlib.sha256).hexdigest()
