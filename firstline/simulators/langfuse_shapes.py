"""Spans as Langfuse shows them: traces and observations, in the shapes of its OpenAPI description."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

Spans = dict[str, Span]
"""Of one trace, by span id."""
_PREFIX = "langfuse.observation."


def trace(spans: Mapping[str, Span]) -> dict[str, Any]:
    """A trace as its root tells it."""
    root = next((span for span in spans.values() if not span.parent_span_id), next(iter(spans.values())))
    told = _attributes(root)
    return {
        "id": root.trace_id.hex(),
        "timestamp": _iso(root.start_time_unix_nano),
        "name": told.get("langfuse.trace.name"),
        "input": _parsed(told.get(f"{_PREFIX}input")),
        "output": _parsed(told.get(f"{_PREFIX}output")),
        "sessionId": told.get("session.id"),
        "release": told.get("langfuse.release"),
        "version": None,
        "userId": told.get("user.id"),
        "metadata": _parsed(told.get(f"{_PREFIX}metadata")),
        "tags": told.get("langfuse.trace.tags", []),
        "public": False,
        "environment": told.get("langfuse.environment", "default"),
        "htmlPath": f"/project/local/traces/{root.trace_id.hex()}",
        "latency": (root.end_time_unix_nano - root.start_time_unix_nano) / 1e9,
        "totalCost": 0.0,
    }


def observation(span: Span) -> dict[str, Any]:
    """One observation. It costs what it was told: no prices are known here."""
    told = _attributes(span)
    usage = _parsed(told.get(f"{_PREFIX}usage_details")) or {}
    first = _parsed(told.get(f"{_PREFIX}completion_start_time"))
    began = _iso(span.start_time_unix_nano)
    return {
        "id": span.span_id.hex(),
        "traceId": span.trace_id.hex(),
        "type": str(told.get(f"{_PREFIX}type", "span")).upper(),
        "name": span.name,
        "startTime": began,
        "endTime": _iso(span.end_time_unix_nano),
        "completionStartTime": first,
        "model": told.get(f"{_PREFIX}model.name"),
        "modelParameters": {},
        "input": _parsed(told.get(f"{_PREFIX}input")),
        "version": None,
        "metadata": _parsed(told.get(f"{_PREFIX}metadata")),
        "output": _parsed(told.get(f"{_PREFIX}output")),
        "usage": {name: usage.get(name, 0) for name in ("input", "output", "total")} | {"unit": "TOKENS"},
        "level": told.get(f"{_PREFIX}level", "DEFAULT"),
        "statusMessage": told.get(f"{_PREFIX}status_message"),
        "parentObservationId": span.parent_span_id.hex() or None,
        "usageDetails": usage,
        "costDetails": _parsed(told.get(f"{_PREFIX}cost_details")) or {},
        "environment": told.get("langfuse.environment", "default"),
        "latency": (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
        "timeToFirstToken": _seconds_between(began, first),
    } | _UNKNOWN


_UNKNOWN: dict[str, Any] = dict.fromkeys(
    (
        "promptId",
        "promptName",
        "promptVersion",
        "modelId",
        "inputPrice",
        "outputPrice",
        "totalPrice",
        "calculatedInputCost",
        "calculatedOutputCost",
        "calculatedTotalCost",
    )
)


def _attributes(span: Span) -> dict[str, Any]:
    return {pair.key: _plain(pair.value) for pair in span.attributes}


def _plain(value: AnyValue) -> Any:
    if value.WhichOneof("value") == "array_value":
        return [_plain(inner) for inner in value.array_value.values]
    return getattr(value, value.WhichOneof("value") or "string_value")


def _parsed(text: Any) -> Any:
    """JSON where it is some, the text itself where it is not."""
    try:
        return json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return text


def _iso(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC).isoformat()


def _seconds_between(began: str, first: str | None) -> float | None:
    return None if first is None else (datetime.fromisoformat(first) - datetime.fromisoformat(began)).total_seconds()
