"""Observations as OpenTelemetry spans, in the protobuf of OTLP, with the attributes that Langfuse reads.

Ids are made from the CallSid: whoever sends a call again sends the same trace, and Langfuse keeps one.
Source of the attributes: langfuse.com/integrations/native/opentelemetry.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from firstline.adapters.langfuse_observations import Kind, Observation, without_numbers

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class TraceHead:
    """What Langfuse knows of a trace as a whole."""

    call_sid: str
    user: str
    """Whose call it was, hashed."""
    tags: Sequence[str]
    environment: str
    release: str


def trace_id(call_sid: str) -> str:
    """Of a call's trace: 32 hexadecimal digits, the same for ever."""
    return _digest(call_sid, 16).hex()


def span_id(call_sid: str, path: str) -> str:
    """Of an observation: 16 hexadecimal digits, the same for ever."""
    return _digest(f"{call_sid}/{path}", 8).hex()


def export_request(head: TraceHead, nodes: Iterable[Observation]) -> bytes:
    """The body of one export: the same bytes for the same call."""
    shared: dict[str, Any] = {
        "langfuse.trace.name": "call",
        "langfuse.trace.tags": list(head.tags),
        "session.id": head.call_sid,
        "user.id": head.user,
        "langfuse.environment": head.environment,
        "langfuse.release": head.release,
    }
    resource = Resource(attributes=_pairs({"service.name": "firstline", "service.version": head.release}))
    scope = InstrumentationScope(name="firstline", version=head.release)
    spans = ScopeSpans(scope=scope, spans=[_span(head.call_sid, node, shared) for node in nodes])
    request = ExportTraceServiceRequest(resource_spans=[ResourceSpans(resource=resource, scope_spans=[spans])])
    return request.SerializeToString(deterministic=True)


def _span(call_sid: str, node: Observation, shared: Mapping[str, Any]) -> Span:
    return Span(
        trace_id=bytes.fromhex(trace_id(call_sid)),
        span_id=bytes.fromhex(span_id(call_sid, node.path)),
        parent_span_id=bytes.fromhex(span_id(call_sid, node.parent)) if node.parent else b"",
        name=node.name,
        kind=Span.SPAN_KIND_INTERNAL,
        start_time_unix_nano=_nanoseconds(node.began),
        end_time_unix_nano=_nanoseconds(node.ended),
        attributes=_pairs({**shared, **_attributes(node)}),
    )


def _attributes(node: Observation) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "type": node.kind.value,
        "level": "WARNING" if node.warning else "DEFAULT",
        "status_message": node.warning or None,
        "input": _text(node.input),
        "output": _text(node.output),
        "metadata": _text(node.metadata or None),
    }
    if node.kind is Kind.GENERATION:
        attributes["model.name"] = node.model
        attributes["usage_details"] = json.dumps(node.usage) if node.usage else None
        attributes["cost_details"] = json.dumps({"total": node.usd}) if node.usd is not None else None
        # In quotation marks, as Langfuse's own SDK writes it.
        attributes["completion_start_time"] = json.dumps(node.first_output.isoformat()) if node.first_output else None
    return {f"langfuse.observation.{name}": value for name, value in attributes.items() if value is not None}


def _text(value: Any) -> str | None:
    clean = without_numbers(value)
    return clean if clean is None or isinstance(clean, str) else json.dumps(clean, ensure_ascii=False)


def _pairs(attributes: Mapping[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_value(value)) for key, value in attributes.items()]


def _value(value: Any) -> AnyValue:
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=[_value(inner) for inner in value]))
    return AnyValue(string_value=str(value))


def _nanoseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def _digest(text: str, size: int) -> bytes:
    return hashlib.sha256(f"firstline:{text}".encode()).digest()[:size]
