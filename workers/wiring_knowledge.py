"""Binds what the help centre asks for: embedding model, reranker, mirror."""

from firstline.adapters.openai_embedder import DIMENSIONS, OpenAIEmbedder
from firstline.adapters.pinecone import PineconeMirror
from firstline.knowledge.cross_encoder import CrossEncoderReranker
from firstline.knowledge.embed import SentenceTransformerEmbedder
from firstline.settings import Settings

BUILT_IN = "built-in"


def embedding_model(settings: Settings, threads: int | None = None) -> SentenceTransformerEmbedder | OpenAIEmbedder:
    """The embedding model, loaded and warm; close it when done. Raises `CorpusError`."""
    name = settings.embedding_model
    if name in DIMENSIONS:
        return OpenAIEmbedder(name, settings.openai_api_key.get_secret_value(), settings.embedding_url)
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
