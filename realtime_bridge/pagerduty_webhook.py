"""PagerDuty's webhook (v3): who has seen a page goes into the timeline of its handoff.

Source: PagerDuty's webhook v3 description. A request is signed with HMAC-SHA256 over its body, hex, in
`X-PagerDuty-Signature: v1=…[,v1=…]` (several while a secret is replaced); `event.data.incident_key` is our dedup key.
"""

import hashlib
import hmac
from collections import OrderedDict
from typing import Any

import orjson
import structlog
from prometheus_client import Counter
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from firstline.domain.call import CALL_SID
from firstline.names import handoff_workflow_id
from firstline.ports import CallControl, PortError, Rejected
from realtime_bridge.metrics import WEBHOOKS

log = structlog.get_logger()

EVENTS = Counter("firstline_pagerduty_events_total", "PagerDuty's webhook events", ["result"])

PATH = "/pagerduty/webhook"
_LARGEST = 1_000_000
_REMEMBERED = 1000
_NAME_MAX = 100


class PagerDutyWebhook:
    """`POST /pagerduty/webhook`. Without a secret every request is refused."""

    def __init__(self, secret: str, control: CallControl) -> None:
        self._secret = secret.encode()
        self._control = control
        self._seen: OrderedDict[str, None] = OrderedDict()
        """Events told lately by this process. One told again by another does nothing: a handoff notes a name once."""

    @property
    def route(self) -> Route:
        """To be mounted at the root."""
        return Route(PATH, self._answer, methods=["POST"])

    async def _answer(self, request: Request) -> Response:
        body = await request.body()
        if len(body) > _LARGEST or not self._signed(body, request.headers.get("x-pagerduty-signature", "")):
            log.warning("webhook_unsigned", path=PATH)
            return _answered(403, "X-PagerDuty-Signature is missing or wrong")
        try:
            event = orjson.loads(body)["event"]
            event_id, kind = str(event["id"]), str(event["event_type"])
        except (ValueError, KeyError, TypeError):
            return _answered(400, "the body is not a PagerDuty webhook (v3)")
        if event_id in self._seen:
            return _told("replayed")
        try:
            result = await self._tell(kind, event)
        except PortError:
            # PagerDuty sends it again.
            log.warning("page_acknowledgement_not_durable")
            return _answered(503, "try again later")
        self._seen[event_id] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return _told(result)

    async def _tell(self, kind: str, event: dict[str, Any]) -> str:
        """What became of an event. Raises `PortError` when it could not be passed on."""
        if kind != "incident.acknowledged":
            return "ignored"
        data, agent = event.get("data") or {}, event.get("agent") or {}
        handoff_id = str(data.get("incident_key", ""))
        call_sid = handoff_id.removeprefix(handoff_workflow_id(""))
        if not CALL_SID.match(call_sid) or handoff_id != handoff_workflow_id(call_sid):
            # An incident of somebody else's, on the same service.
            return "unknown"
        try:
            await self._control.page_acknowledged(handoff_id, str(agent.get("summary") or "somebody")[:_NAME_MAX])
        except Rejected:
            log.info("acknowledgement_for_closed_handoff", call_sid=call_sid)
            return "unknown"
        return "acknowledged"

    def _signed(self, body: bytes, given: str) -> bool:
        expected = f"v1={hmac.new(self._secret, body, hashlib.sha256).hexdigest()}".encode()
        signatures = [one.strip().encode() for one in given.split(",")]
        return bool(self._secret) and any(hmac.compare_digest(one, expected) for one in signatures)


def _told(result: str) -> Response:
    EVENTS.labels(result).inc()
    return _answered(200, result)


def _answered(status: int, text: str) -> Response:
    WEBHOOKS.labels(PATH, str(status)).inc()
    return PlainTextResponse(text, status)
