"""As much of Pinecone's data plane (2026-04) as a mirror of vectors takes: upsert, query, delete, stats. In memory."""

from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

_TOP_K_MAX = 10_000
_BATCH_MAX = 1_000
_INVALID = 3
"""gRPC's INVALID_ARGUMENT, which the API's errors carry as `code`."""


class Pinecone:
    """One index of one dimension; `broken` makes it answer 503."""

    def __init__(self, api_key: str, dimension: int) -> None:
        self.namespaces: dict[str, dict[str, dict[str, Any]]] = {}
        """Namespace -> id -> record as it was upserted."""
        self.broken = False
        self.queries = 0
        self._api_key = api_key
        self._dimension = dimension

    def app(self) -> Starlette:
        """An ASGI app for uvicorn, the index's host."""
        return Starlette(
            routes=[
                Route("/vectors/upsert", self.upsert, methods=["POST"]),
                Route("/vectors/delete", self.delete, methods=["POST"]),
                Route("/query", self.query, methods=["POST"]),
                Route("/describe_index_stats", self.stats, methods=["POST"]),
            ]
        )

    async def upsert(self, request: Request) -> Response:
        """200 with the count, or 400 for a record of another dimension."""
        if refused := self._refused(request):
            return refused
        body = await request.json()
        records = body.get("vectors", [])
        if not 0 < len(records) <= _BATCH_MAX:
            return _error(400, f"a request holds 1 to {_BATCH_MAX} vectors")
        for record in records:
            if len(record["values"]) != self._dimension:
                told = f"Vector dimension {len(record['values'])} does not match the dimension of the index"
                return _error(400, f"{told} {self._dimension}")
        namespace = self.namespaces.setdefault(body.get("namespace", ""), {})
        namespace.update({record["id"]: record for record in records})
        return JSONResponse({"upsertedCount": len(records)})

    async def delete(self, request: Request) -> Response:
        """200, or 404 for a namespace that is not there."""
        if refused := self._refused(request):
            return refused
        body = await request.json()
        name = body.get("namespace", "")
        if name not in self.namespaces:
            return _error(404, "Namespace not found", code=5)
        if body.get("deleteAll"):
            del self.namespaces[name]
        for identity in body.get("ids", []):
            self.namespaces[name].pop(identity, None)
        return JSONResponse({})

    async def query(self, request: Request) -> Response:
        """200 with the nearest by cosine, or 400."""
        if refused := self._refused(request):
            return refused
        self.queries += 1
        body = await request.json()
        if not 1 <= int(body.get("topK", 0)) <= _TOP_K_MAX or len(body.get("vector", [])) != self._dimension:
            return _error(400, "topK or the vector's dimension is out of range")
        records = [
            record
            for record in self.namespaces.get(body.get("namespace", ""), {}).values()
            if _matches(record.get("metadata", {}), body.get("filter", {}))
        ]
        asked = np.asarray(body["vector"])
        scored = sorted(((_cosine(asked, record["values"]), record["id"]) for record in records), reverse=True)
        matches = [{"id": identity, "score": score, "values": []} for score, identity in scored[: body["topK"]]]
        return JSONResponse({"matches": matches, "namespace": body.get("namespace", ""), "usage": {"readUnits": 1}})

    async def stats(self, request: Request) -> Response:
        """200 with how many vectors each namespace holds."""
        if refused := self._refused(request):
            return refused
        counts = {name: {"vectorCount": len(records)} for name, records in self.namespaces.items()}
        total = sum(len(records) for records in self.namespaces.values())
        return JSONResponse({"namespaces": counts, "dimension": self._dimension, "totalVectorCount": total})

    def _refused(self, request: Request) -> Response | None:
        if self.broken:
            return _error(503, "Service Unavailable", code=14)
        if request.headers.get("api-key") != self._api_key:
            return Response("Invalid API Key", 401)
        if not request.headers.get("x-pinecone-api-version"):
            return _error(400, "X-Pinecone-Api-Version is missing")
        return None


def _matches(metadata: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """The filters in use: `{"field": {"$in": […]}}`."""
    return all(metadata.get(field) in condition.get("$in", []) for field, condition in wanted.items())


def _cosine(asked: Any, values: list[float]) -> float:
    vector = np.asarray(values)
    return float(asked @ vector / (np.linalg.norm(asked) * np.linalg.norm(vector) or 1.0))


def _error(status: int, message: str, code: int = _INVALID) -> Response:
    return JSONResponse({"code": code, "message": message, "details": []}, status)
