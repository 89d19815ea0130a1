"""The webhooks over a fake control plane, and who sends to them."""

import hashlib
import hmac
from pathlib import Path
from urllib.parse import urlencode

import httpx
from starlette.applications import Starlette
from twilio.request_validator import RequestValidator

from firstline.domain.facts import FactKind
from realtime_bridge.admission import Admission
from realtime_bridge.live_calls import LiveCalls
from realtime_bridge.pagerduty_webhook import PATH, PagerDutyWebhook
from realtime_bridge.signature import TwilioSignature
from realtime_bridge.spool import Spool
from realtime_bridge.webhooks import Webhooks
from tests.fakes.call_control import FakeCallControl
from tests.realtime_bridge.calls import CALL
from tests.workflows.calls import started, talking, wants_person

TOKEN, SECRET, BASE = "secret", "webhook-secret", "https://bridge.example"
OUTBOUND = "CA" + "b" * 32


class Carrier:
    """The webhooks over a fake control plane, and what Twilio and PagerDuty send to them."""

    def __init__(self, spool_path: Path) -> None:
        self.control = FakeCallControl()
        self.spool = Spool(spool_path, self.control)
        signature = TwilioSignature(TOKEN, BASE, "wss://bridge.example/media")
        self.admission = Admission(TOKEN, 1, LiveCalls())
        media = "wss://bridge.example/media"
        webhooks = Webhooks(signature, self.control, self.spool, BASE, media, lambda _: None, self.admission)
        app = Starlette(routes=[*webhooks.routes(), PagerDutyWebhook(SECRET, self.control).route])
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE)

    async def post(self, path: str, **form: str) -> httpx.Response:
        fields = {"CallSid": CALL, "From": "+15550100999", "To": "+15550100100", **form}
        signature = RequestValidator(TOKEN).compute_signature(BASE + path, fields)
        headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
        return await self.http.post(path, content=urlencode(fields), headers=headers)

    async def page(self, body: bytes, signature: str | None = None) -> httpx.Response:
        good = "v1=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {"X-PagerDuty-Signature": good if signature is None else signature}
        return await self.http.post(PATH, content=body, headers=headers)

    async def kinds(self) -> list[FactKind]:
        await self.spool.drained()
        return [fact.kind for fact in self.control.delivered]


async def handed_off(carrier: Carrier) -> str:
    """A call whose caller waits for a person; the page's dedup key."""
    start = started(CALL)
    await carrier.control.deliver(start, talking(start))
    return (await carrier.control.request_handoff(start, wants_person(start), 1)).handoff_id
