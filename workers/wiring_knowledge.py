"""Binds what the help centre asks for: embedding model, reranker, mirror."""

import functools
import os
from typing import TYPE_CHECKING

from firstline.adapters.pinecone import PineconeMirror
from firstline.domain.confidence import MULTILINGUAL
from firstline.knowledge.cross_encoder import CrossEncoderReranker
from firstline.knowledge.multilingual import MultilingualEmbedder, load_multilingual
from firstline.knowledge.packaged import PackagedEmbedder, load_packaged
from firstline.knowledge.sentence_transformer import SentenceTransformerEmbedder
from firstline.settings import Settings

if TYPE_CHECKING:
    from firstline.adapters.openai_embedder import OpenAIEmbedder

    EmbeddingModel = MultilingualEmbedder | PackagedEmbedder | SentenceTransformerEmbedder | OpenAIEmbedder

BUILT_IN = "built-in"

OPENAI = "text-embedding-"
"""How the names of OpenAI's embedding models begin."""


def embedding_model(settings: Settings, threads: int | None = None) -> "EmbeddingModel":
    """The embedding model, loaded and warm; close it when done. `threads`: None for every core.

    Raises `CorpusError`.
    """
    name = settings.embedding_model
    if name.startswith(OPENAI):
        # Imported here: the SDK takes a second of every start, and who was killed is waited for.
        from firstline.adapters.openai_embedder import OpenAIEmbedder

        return OpenAIEmbedder(name, settings.openai_api_key.get_secret_value(), settings.embedding_url)
    if name.startswith("packaged:"):
        cores, cache = threads or os.cpu_count() or 1, settings.home / "models"
        load = load_multilingual if name == MULTILINGUAL else functools.partial(load_packaged, name)
        return load(cache, threads=cores)
    return SentenceTransformerEmbedder.load(name, threads=threads)


def reranker(settings: Settings) -> CrossEncoderReranker | None:
    """The cross-encoder that is set, loaded and warm; None for the built-in order. Raises `CorpusError`."""
    return None if settings.reranker == BUILT_IN else CrossEncoderReranker.load(settings.reranker)


def mirror(settings: Settings) -> PineconeMirror | None:
    """The mirror that is set up, or None."""
    key = settings.pinecone_api_key.get_secret_value()
    if not key or not settings.pinecone_index_host:
        return None
    return PineconeMirror(settings.pinecone_index_host, key)
