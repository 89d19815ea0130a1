"""Pinecone serverless as a mirror of the vectors, by the official SDK."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from firstline.ports import PortError, Rejected
from firstline.ports_corpus import MirroredChunk, Nearest

_BATCH = 200
"""Vectors in a request: 2 MB are allowed, and 384 numbers are about 5 kB of JSON."""
_DELETE_BATCH = 1_000


class PineconeMirror:
    """`ports_corpus.VectorMirror` over one index."""

    def __init__(self, host: str, api_key: str, *, timeout: float = 10.0) -> None:
        """`host`: the index's own, as Pinecone's console shows it; `http://` only for a stand-in. Seconds."""
        self._host = host
        self._api_key = api_key
        self._timeout = timeout
        self._client: Any = None
        self._index: Any = None

    async def put(self, namespace: str, chunks: Sequence[MirroredChunk]) -> None:
        """See the protocol. Raises `PortError`."""
        records = [
            (chunk.id, chunk.vector, {"article": chunk.article_id, "language": chunk.language}) for chunk in chunks
        ]
        async with self._errors() as index:
            for start in range(0, len(records), _BATCH):
                await index.upsert(vectors=records[start : start + _BATCH], namespace=namespace, show_progress=False)

    async def remove(self, namespace: str, ids: Sequence[str]) -> None:
        """See the protocol. Raises `PortError`."""
        async with self._errors() as index:
            for start in range(0, len(ids), _DELETE_BATCH):
                await index.delete(ids=list(ids[start : start + _DELETE_BATCH]), namespace=namespace)

    async def clear(self, namespace: str) -> None:
        """See the protocol. Raises `PortError`."""
        from pinecone import NotFoundError

        async with self._errors() as index:
            try:
                await index.delete(delete_all=True, namespace=namespace)
            except NotFoundError:
                return  # a namespace exists from its first vector on

    async def nearest(self, namespace: str, vector: Sequence[float], k: int, languages: Sequence[str]) -> Nearest:
        """See the protocol. Raises `PortError`."""
        async with self._errors() as index:
            found = await index.query(
                top_k=k, vector=list(vector), namespace=namespace, filter={"language": {"$in": list(languages)}}
            )
        usage = getattr(found, "usage", None)
        return Nearest([match.id for match in found.matches], float(getattr(usage, "read_units", 0) or 0))

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._index.close()
            await self._client.close()

    @asynccontextmanager
    async def _errors(self) -> AsyncIterator[Any]:
        from pinecone import ApiError, AsyncPinecone, PineconeError, RetryConfig

        try:
            if self._client is None:
                # Retries are the caller's.
                self._client = AsyncPinecone(
                    api_key=self._api_key, timeout=self._timeout, retry_config=RetryConfig(max_retries=0)
                )
                self._index = await self._client.index(host=self._host)
            yield self._index
        except ApiError as error:
            status = int(getattr(error, "status_code", 0) or 0)
            kind = Rejected if 400 <= status < 500 and status not in (408, 429) else PortError
            raise kind(f"the mirror answered {status}") from error
        except (PineconeError, OSError) as error:
            raise PortError(f"the mirror did not answer: {type(error).__name__}") from error
