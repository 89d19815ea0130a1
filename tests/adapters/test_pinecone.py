"""The mirror by the official SDK, against a stand-in that is held to the published description."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from firstline.adapters.pinecone import PineconeMirror
from firstline.ports import PortError, Rejected
from firstline.ports_corpus import MirroredChunk
from firstline.simulators.pinecone import Pinecone
from tests.simulators.serving import Slot, serving

SPEC = Path(__file__).parents[3] / "shared" / "specs" / "pinecone_db_data.yaml"
KEY = "pinecone-key"


@pytest.fixture(scope="session")
async def slot() -> AsyncIterator[tuple[Slot, str]]:
    """Where the index is served."""
    slot = Slot()
    async with serving(slot) as url:
        yield slot, url


@pytest.fixture
async def index(slot: tuple[Slot, str]) -> AsyncIterator[Pinecone]:
    """An empty index of two dimensions."""
    index = Pinecone(KEY, 2)
    async with slot[0].holding(index.app()):
        yield index


@pytest.fixture
async def mirror(index: Pinecone, slot: tuple[Slot, str]) -> AsyncIterator[PineconeMirror]:
    mirror = PineconeMirror(slot[1], KEY)
    yield mirror
    await mirror.aclose()


def chunk(identity: str, vector: list[float], language: str = "en") -> MirroredChunk:
    return MirroredChunk(identity, vector, f"article of {identity}", language)


class TestTheMirror:
    async def test_finds_the_nearest_in_a_language(self, mirror: PineconeMirror) -> None:
        await mirror.put("help", [chunk("a", [1, 0]), chunk("b", [0, 1]), chunk("c", [1, 0.1], "es")])

        found = await mirror.nearest("help", [1.0, 0.0], 5, ["en"])

        assert found.ids == ["a", "b"]
        assert found.read_units == 1

    async def test_replaces_and_removes(self, mirror: PineconeMirror, index: Pinecone) -> None:
        await mirror.put("help", [chunk("a", [1, 0]), chunk("b", [0, 1])])
        await mirror.put("help", [chunk("a", [0, 1])])
        await mirror.remove("help", ["b", "never there"])

        assert {name: record["values"] for name, record in index.namespaces["help"].items()} == {"a": [0.0, 1.0]}

    async def test_clears_a_namespace_that_may_not_be_there(self, mirror: PineconeMirror, index: Pinecone) -> None:
        await mirror.put("help", [chunk("a", [1, 0])])
        await mirror.clear("help")
        await mirror.clear("help")

        assert index.namespaces == {}

    async def test_takes_more_than_one_request_holds(self, mirror: PineconeMirror, index: Pinecone) -> None:
        await mirror.put("help", [chunk(f"c{n}", [1, n]) for n in range(450)])

        assert len(index.namespaces["help"]) == 450

    async def test_refuses_vectors_of_another_dimension(self, mirror: PineconeMirror) -> None:
        with pytest.raises(Rejected, match="400"):
            await mirror.put("help", [chunk("a", [1, 0, 0])])

    async def test_says_when_it_is_down(self, mirror: PineconeMirror, index: Pinecone) -> None:
        index.broken = True

        with pytest.raises(PortError, match="503"):
            await mirror.nearest("help", [1.0, 0.0], 5, ["en"])

    async def test_says_when_nobody_is_there(self) -> None:
        nobody = PineconeMirror("http://127.0.0.1:9", KEY, timeout=1)
        with pytest.raises(PortError, match="did not answer"):
            await nobody.nearest("help", [1.0, 0.0], 5, ["en"])
        await nobody.aclose()


class TestTheStandIn:
    """What it answers is what Pinecone describes."""

    async def ask(self, index: Pinecone, path: str, body: dict[str, Any]) -> Any:
        import httpx

        transport = httpx.ASGITransport(index.app())
        headers = {"Api-Key": KEY, "X-Pinecone-Api-Version": "2026-04"}
        async with httpx.AsyncClient(transport=transport, base_url="http://index", headers=headers) as http:
            return (await http.post(path, json=body)).json()

    @pytest.mark.parametrize(
        ("path", "body", "schema"),
        [
            ("/vectors/upsert", {"vectors": [{"id": "a", "values": [1, 0]}], "namespace": "n"}, "UpsertResponse"),
            ("/vectors/upsert", {"vectors": [{"id": "a", "values": [1]}], "namespace": "n"}, "rpcStatus"),
            ("/query", {"vector": [1, 0], "topK": 3, "namespace": "n"}, "QueryResponse"),
            ("/query", {"vector": [1, 0], "topK": 0, "namespace": "n"}, "rpcStatus"),
            ("/vectors/delete", {"ids": ["a"], "namespace": "n"}, "DeleteResponse"),
            ("/describe_index_stats", {}, "IndexDescription"),
        ],
    )
    async def test_answers_as_published(self, path: str, body: dict[str, Any], schema: str) -> None:
        if not SPEC.exists():
            pytest.skip("pinecone_db_data.yaml is not here")
        document = yaml.safe_load(SPEC.read_text("utf-8"))
        index = Pinecone(KEY, 2)
        await self.ask(index, "/vectors/upsert", {"vectors": [{"id": "z", "values": [0, 1]}], "namespace": "n"})

        answer = await self.ask(index, path, body)

        described = document["components"]["schemas"][schema]
        jsonschema.Draft202012Validator(described | {"components": document["components"]}).validate(answer)
        assert set(answer) <= set(described.get("properties", {}))
