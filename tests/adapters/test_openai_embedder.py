"""OpenAI's embeddings through the official SDK, against a server on loopback."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from firstline.adapters.openai_embedder import OpenAIEmbedder
from firstline.knowledge.chunk import Chunker
from firstline.knowledge.errors import CorpusError
from firstline.ports import PortError
from tests.simulators.serving import Slot, serving

MODEL = "text-embedding-3-large"


class Embeddings:
    """POST /v1/embeddings: a text's vector begins with its length; the answers come in reverse order."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.authorization = ""
        self.status = 200
        self.dimension = 3_072

    async def create(self, request: Request) -> Response:
        self.authorization = request.headers["authorization"]
        if self.status != 200:
            return JSONResponse({"error": {"message": "no", "type": "x"}}, self.status)
        body = json.loads(await request.body())
        self.requests.append(body)
        data = [
            {"object": "embedding", "index": n, "embedding": [float(len(text))] + [0.0] * (self.dimension - 1)}
            for n, text in enumerate(body["input"])
        ]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        return JSONResponse({"object": "list", "data": data[::-1], "model": body["model"], "usage": usage})

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/v1/embeddings", self.create, methods=["POST"])])


@pytest.fixture(scope="module")
async def slot() -> AsyncIterator[tuple[Slot, str]]:
    """Where they are served."""
    slot = Slot()
    async with serving(slot) as url:
        yield slot, url


@pytest.fixture
async def server(slot: tuple[Slot, str]) -> AsyncIterator[Embeddings]:
    server = Embeddings()
    async with slot[0].holding(server.app()):
        yield server


@pytest.fixture
async def embedder(server: Embeddings, slot: tuple[Slot, str]) -> AsyncIterator[OpenAIEmbedder]:
    embedder = OpenAIEmbedder(MODEL, "the-key", f"{slot[1]}/v1")
    yield embedder
    await embedder._client.close()


class TestEmbedding:
    async def test_asks_for_the_model_and_keeps_the_order(self, embedder: OpenAIEmbedder, server: Embeddings) -> None:
        vectors = await embedder.passages(["a", "bb", "ccc"])

        assert [vector[0] for vector in vectors] == [1.0, 2.0, 3.0]
        assert (embedder.name, embedder.dimension, len(await embedder.query("seats"))) == (MODEL, 3_072, 3_072)
        assert server.requests[0]["model"] == MODEL
        assert server.authorization == "Bearer the-key"

    async def test_divides_what_one_request_does_not_hold(self, embedder: OpenAIEmbedder, server: Embeddings) -> None:
        assert len(await embedder.passages(["text"] * 600)) == 600
        assert [len(request["input"]) for request in server.requests] == [256, 256, 88]

    @pytest.mark.parametrize(("status", "kind"), [(401, CorpusError), (500, PortError), (429, PortError)])
    async def test_says_what_was_answered(
        self, embedder: OpenAIEmbedder, server: Embeddings, status: int, kind: type[PortError]
    ) -> None:
        server.status = status

        with pytest.raises(kind, match=str(status)) as told:
            await embedder.query("seats")

        assert type(told.value) is kind

    async def test_refuses_vectors_of_another_dimension(self, embedder: OpenAIEmbedder, server: Embeddings) -> None:
        server.dimension = 8

        with pytest.raises(CorpusError, match="3072 dimensions"):
            await embedder.query("seats")

    def test_chunks_are_counted_without_asking_anybody(self, embedder: OpenAIEmbedder) -> None:
        assert Chunker(embedder.tokenizer)


class TestSettingUp:
    def test_needs_a_key(self) -> None:
        with pytest.raises(CorpusError, match="OPENAI_API_KEY"):
            OpenAIEmbedder(MODEL, "")

    def test_knows_its_models(self) -> None:
        with pytest.raises(CorpusError, match="text-embedding-3-large or"):
            OpenAIEmbedder("text-embedding-9", "key")
