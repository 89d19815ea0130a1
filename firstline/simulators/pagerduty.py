"""PagerDuty's Events API v2: events in, incidents by dedup key.

Source: the Events API v2 OpenAPI description (`POST /v2/enqueue`). `GET /sim/incidents` shows what a person on call
would see.
"""

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

_ACTIONS = ("trigger", "acknowledge", "resolve")
_SEVERITIES = ("critical", "error", "warning", "info")
_SUMMARY_MAX = 1024
_DEDUP_KEY_MAX = 255


@dataclass
class Incident:
    """What the person on call sees. A trigger after `resolved` opens a new one with the same key."""

    dedup_key: str
    summary: str
    source: str
    severity: str
    links: list[dict[str, str]]
    custom_details: dict[str, Any]
    status: str = "triggered"
    """triggered, acknowledged or resolved."""
    triggers: int = 1
    """Events that were taken for this one incident."""
    created_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat())
    acknowledged_at: str | None = None
    resolved_at: str | None = None


class PagerDuty:
    """One integration, told by its routing key."""

    def __init__(self, routing_key: str) -> None:
        self.incidents: list[Incident] = []
        self._routing_key = routing_key

    @property
    def routes(self) -> list[Route]:
        """The vendor's, to be mounted where its base URL points."""
        return [Route("/v2/enqueue", self.enqueue, methods=["POST"])]

    @property
    def control_routes(self) -> list[Route]:
        """Our own, to be mounted at the root."""
        return [Route("/sim/incidents", self.show)]

    async def enqueue(self, request: Request) -> Response:
        """Take an event: 202, or 400 with what is wrong."""
        try:
            event = await request.json()
        except ValueError:
            return _refused("Unrecognized object", "Event object format is unrecognized", ["JSON parse error"])
        errors = self._errors(event) if isinstance(event, dict) else ["Event object is not a JSON object"]
        if errors:
            return _refused("invalid event", "Event object is invalid", errors)
        key = event.get("dedup_key") or uuid4().hex
        self._take(event, key)
        return JSONResponse({"status": "success", "message": "Event processed", "dedup_key": key}, 202)

    async def show(self, request: Request) -> Response:
        """All incidents, oldest first."""
        return JSONResponse({"incidents": [asdict(incident) for incident in self.incidents]})

    def _errors(self, event: dict[str, Any]) -> list[str]:
        errors = []
        if event.get("routing_key") != self._routing_key:
            errors.append("'routing_key' is missing or unknown")
        action = event.get("event_action")
        if action not in _ACTIONS:
            errors.append(f"'event_action' is not one of {', '.join(_ACTIONS)}")
        key = event.get("dedup_key")
        if key is not None and (not isinstance(key, str) or len(key) > _DEDUP_KEY_MAX):
            errors.append(f"'dedup_key' is not a string of at most {_DEDUP_KEY_MAX} characters")
        if action == "trigger":
            errors += _payload_errors(event.get("payload"))
            errors += [] if _links_fit(event.get("links", [])) else ["'links' is not a list of objects with 'href'"]
        elif not key:
            errors.append("'dedup_key' is missing or blank")
        return errors

    def _take(self, event: dict[str, Any], key: str) -> None:
        opened = next(
            (known for known in self.incidents if known.dedup_key == key and known.status != "resolved"), None
        )
        now = datetime.now(UTC).isoformat()
        match event["event_action"]:
            case "trigger" if opened:
                opened.triggers += 1
            case "trigger":
                payload = event["payload"]
                links, details = event.get("links", []), payload.get("custom_details", {})
                incident = Incident(key, payload["summary"], payload["source"], payload["severity"], links, details)
                self.incidents.append(incident)
            case "acknowledge" if opened:
                opened.status, opened.acknowledged_at = "acknowledged", now
            case "resolve" if opened:
                opened.status, opened.resolved_at = "resolved", now


def _payload_errors(payload: Any) -> list[str]:
    if not isinstance(payload, dict):
        return ["'payload' is missing or not an object"]
    errors = [f"'payload.{name}' is missing or blank" for name in ("summary", "source") if not payload.get(name)]
    if len(str(payload.get("summary", ""))) > _SUMMARY_MAX:
        errors.append(f"'payload.summary' is longer than {_SUMMARY_MAX} characters")
    if payload.get("severity") not in _SEVERITIES:
        errors.append(f"'payload.severity' is not one of {', '.join(_SEVERITIES)}")
    if not isinstance(payload.get("custom_details", {}), dict):
        errors.append("'payload.custom_details' is not an object")
    return errors


def _links_fit(links: Any) -> bool:
    return isinstance(links, list) and all(isinstance(link, dict) and link.get("href") for link in links)


def _refused(status: str, message: str, errors: list[str]) -> Response:
    return JSONResponse({"status": status, "message": message, "errors": errors}, 400)
