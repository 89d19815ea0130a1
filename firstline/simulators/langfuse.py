"""As much of Langfuse as showing calls takes: OTLP traces in, traces out, recordings by the media API.

Source: Langfuse's OpenAPI description. `GET /sim/traces` shows every trace without its observations. What was sent
twice under one id is kept once, the last counts.
"""

import base64
import gzip
import hashlib
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from firstline.simulators.langfuse_shapes import Spans, observation, trace

_PROTOBUF = "application/x-protobuf"


@dataclass
class Media:
    """A recording: promised, then uploaded."""

    media_id: str
    trace_id: str
    observation_id: str | None
    field: str
    content_type: str
    length: int
    sha256: str
    blob: bytes | None = None
    uploaded_at: str | None = None


class Langfuse:
    """One project, told by its keys."""

    def __init__(self, public_key: str, secret_key: str) -> None:
        self.traces: dict[str, Spans] = {}
        self.media: dict[str, Media] = {}
        self.exports = 0
        self._authorization = "Basic " + base64.b64encode(f"{public_key}:{secret_key}".encode()).decode()

    @property
    def routes(self) -> list[Route]:
        """The vendor's, to be mounted where its base URL points."""
        return [
            Route("/api/public/otel/v1/traces", self.take, methods=["POST"]),
            Route("/api/public/traces/{trace_id}", self.trace, methods=["GET"]),
            Route("/api/public/traces", self.forget, methods=["DELETE"]),
            Route("/api/public/media", self.promise, methods=["POST"]),
            Route("/api/public/media/{media_id}", self.uploaded, methods=["PATCH"]),
            Route("/api/public/media/{media_id}", self.found, methods=["GET"]),
            Route("/storage/{media_id}", self.store, methods=["PUT"]),
            Route("/storage/{media_id}", self.fetch, methods=["GET"]),
        ]

    @property
    def control_routes(self) -> list[Route]:
        """Our own, to be mounted at the root."""
        return [Route("/sim/traces", self.show)]

    # --- traces -----------------------------------------------------------------------------------------------------

    async def take(self, request: Request) -> Response:
        """An export of spans: 200, or 400 for what is none."""
        if refused := self._stranger(request):
            return refused
        binary = request.headers.get("content-type", "").startswith(_PROTOBUF)
        try:
            body = await request.body()
            body = gzip.decompress(body) if request.headers.get("content-encoding") == "gzip" else body
            export = ExportTraceServiceRequest()
            export = ExportTraceServiceRequest.FromString(body) if binary else json_format.Parse(body, export)
        except (DecodeError, json_format.ParseError, OSError, EOFError, zlib.error):
            return _failed(400, "the body is not an ExportTraceServiceRequest")
        spans = [span for sent in export.resource_spans for scope in sent.scope_spans for span in scope.spans]
        if problem := next(filter(None, map(_problem, spans)), ""):
            return _failed(400, problem)
        self.exports += 1
        for span in spans:
            self.traces.setdefault(span.trace_id.hex(), {})[span.span_id.hex()] = span
        if binary:
            return Response(ExportTraceServiceResponse().SerializeToString(), media_type=_PROTOBUF)
        return JSONResponse({})

    async def trace(self, request: Request) -> Response:
        """A trace with its observations, or 404."""
        if refused := self._stranger(request):
            return refused
        found = request.path_params["trace_id"]
        spans = self.traces.get(found)
        if spans is None:
            return _failed(404, f"Trace {found} not found within authorized project")
        observations = [observation(span) for span in spans.values()]
        return JSONResponse(trace(spans) | {"observations": observations, "scores": []})

    async def forget(self, request: Request) -> Response:
        """Deletes traces with their recordings; unknown ones are no fault."""
        if refused := self._stranger(request):
            return refused
        asked = set((await request.json()).get("traceIds", []))
        self.traces = {found: spans for found, spans in self.traces.items() if found not in asked}
        self.media = {found: media for found, media in self.media.items() if media.trace_id not in asked}
        return JSONResponse({"message": "Traces deleted successfully"})

    async def show(self, request: Request) -> Response:
        """All traces, oldest first, and how many exports brought them."""
        return JSONResponse({"traces": [trace(spans) for spans in self.traces.values()], "exports": self.exports})

    # --- recordings -------------------------------------------------------------------------------------------------

    async def promise(self, request: Request) -> Response:
        """Where to upload a recording; nowhere when the same bytes are there already."""
        if refused := self._stranger(request):
            return refused
        asked = await request.json()
        if not all(asked.get(name) for name in ("traceId", "contentType", "contentLength", "sha256Hash", "field")):
            return _failed(400, "Invalid request data")
        digest = str(asked["sha256Hash"])
        media_id = base64.urlsafe_b64encode(base64.b64decode(digest)).decode()[:22]
        known = self.media.get(media_id)
        if known is None or known.blob is None:
            self.media[media_id] = Media(
                media_id,
                asked["traceId"],
                asked.get("observationId"),
                asked["field"],
                asked["contentType"],
                asked["contentLength"],
                digest,
            )
            return JSONResponse({"mediaId": media_id, "uploadUrl": str(self._storage(request, media_id))})
        return JSONResponse({"mediaId": media_id, "uploadUrl": None})

    async def store(self, request: Request) -> Response:
        """The signed address: takes exactly the bytes that were promised, from whoever has the address."""
        media, blob = self.media.get(request.path_params["media_id"]), await request.body()
        if media is None:
            return _failed(403, "the address is not signed")
        digest = base64.b64encode(hashlib.sha256(blob).digest()).decode()
        told = request.headers.get("x-amz-checksum-sha256"), request.headers.get("content-type")
        if (digest, len(blob)) != (media.sha256, media.length) or told != (media.sha256, media.content_type):
            return _failed(400, "the upload is not what was promised")
        media.blob = blob
        return Response(status_code=200)

    async def uploaded(self, request: Request) -> Response:
        """What the client says came of the upload: 204, or 404."""
        if refused := self._stranger(request):
            return refused
        media = self.media.get(request.path_params["media_id"])
        if media is None:
            return _failed(404, "Media asset not found")
        told = await request.json()
        media.uploaded_at = told["uploadedAt"] if told["uploadHttpStatus"] == 200 else None
        return Response(status_code=204)

    async def found(self, request: Request) -> Response:
        """A recording that was uploaded, or 404."""
        if refused := self._stranger(request):
            return refused
        media = self.media.get(request.path_params["media_id"])
        if media is None or media.uploaded_at is None:
            return _failed(404, "Media asset not found")
        return JSONResponse(
            {
                "mediaId": media.media_id,
                "contentType": media.content_type,
                "contentLength": media.length,
                "uploadedAt": media.uploaded_at,
                "url": str(self._storage(request, media.media_id)),
                "urlExpiry": datetime.now(UTC).isoformat(),
            }
        )

    async def fetch(self, request: Request) -> Response:
        """The bytes of a recording."""
        media = self.media.get(request.path_params["media_id"])
        if media is None or media.blob is None:
            return _failed(404, "no such object")
        return Response(media.blob, media_type=media.content_type)

    @staticmethod
    def _storage(request: Request, media_id: str) -> Any:
        return request.url.replace(path=f"{request.url.path.partition('/api/')[0]}/storage/{media_id}", query="")

    def _stranger(self, request: Request) -> Response | None:
        if request.headers.get("authorization") == self._authorization:
            return None
        return _failed(401, "Invalid credentials. Confirm that you've configured the correct host.")


def _problem(span: Span) -> str:
    """What is wrong with a span; empty when nothing is."""
    if len(span.trace_id) != 16 or len(span.span_id) != 8:
        return "a trace id has 16 bytes and a span id 8"
    if not span.start_time_unix_nano or span.end_time_unix_nano < span.start_time_unix_nano:
        return f"span {span.name!r} has no time or ends before it begins"
    return ""


def _failed(status: int, message: str) -> Response:
    return JSONResponse({"message": message, "error": "LangfuseSimulator"}, status)
