"""The bridge as one object: its HTTP application, its media server, its warm connections to the model."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog
import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from firstline.domain.turn import Usage
from firstline.ports import CallControl, Knowledge
from realtime_bridge.admission import Admission
from realtime_bridge.live_call import CallParts
from realtime_bridge.live_calls import LiveCalls
from realtime_bridge.media import MediaServer
from realtime_bridge.model_link import ModelEndpoint, ModelLink
from realtime_bridge.pagerduty_webhook import PagerDutyWebhook
from realtime_bridge.phrases import PhraseBook
from realtime_bridge.protocol.rules import CallRules
from realtime_bridge.signature import TwilioSignature
from realtime_bridge.spool import Spool
from realtime_bridge.webhooks import Webhooks

log = structlog.get_logger()

UNCLAIMED_SECONDS = 15.0
"""A warm model connection whose stream never came is given back after this."""


@dataclass(frozen=True)
class BridgeConfig:
    """What the bridge needs to know, already read from the settings."""

    host: str
    port: int
    media_port: int
    bridge_url: str
    media_url: str
    auth_token: str
    lanes: tuple[ModelEndpoint, ...]
    """Where the model is: the native lane first, the chained lane to fail over to behind it."""
    voice: str
    company: str
    zone: ZoneInfo
    spool_path: Path
    rules: CallRules = field(default_factory=CallRules)
    price: Callable[[Usage], float | None] | None = None
    max_calls: int = 300
    """Beyond them a call that rings goes to the failsafe queue, and a stream is refused."""
    speculate: bool = True
    """Whether the help centre is searched while callers still speak."""
    pagerduty_webhook_secret: str = ""
    """Empty: no acknowledgement is taken."""


class WarmModels:
    """Model connections begun at the webhook, waiting for their stream."""

    def __init__(self, lanes: tuple[ModelEndpoint, ...]) -> None:
        self._lanes = lanes
        self._waiting: dict[str, ModelLink] = {}

    def prepare(self, call_sid: str) -> None:
        """Begin to connect for a call that rings."""
        if call_sid in self._waiting:
            return
        self._waiting[call_sid] = self.fresh()
        asyncio.get_running_loop().call_later(UNCLAIMED_SECONDS, self._give_up, call_sid)

    def take(self, call_sid: str) -> ModelLink:
        """The call's connection, or a fresh one when the webhook went to another replica."""
        return self._waiting.pop(call_sid, None) or self.fresh()

    def fresh(self, lost: int = 0) -> ModelLink:
        """A new connection: to the native lane, or in turn to the next one when `lost` connections were lost."""
        return ModelLink(self._lanes[lost % len(self._lanes)])

    def _give_up(self, call_sid: str) -> None:
        if link := self._waiting.pop(call_sid, None):
            link.close()

    def close(self) -> None:
        """Give all back."""
        for call_sid in list(self._waiting):
            self._give_up(call_sid)


class _Http(uvicorn.Server):
    """Leaves signals to the process: a bridge that is told to stop has calls to bring to an end first."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Bridge:
    """Answers the carrier until it is closed."""

    def __init__(self, config: BridgeConfig, knowledge: Knowledge, control: CallControl, phrases: PhraseBook) -> None:
        self._config = config
        self._phrases = phrases
        self._draining = False
        self._models = WarmModels(config.lanes)
        self._spool = Spool(config.spool_path, control)
        signature = TwilioSignature(config.auth_token, config.bridge_url, config.media_url)
        self._calls = LiveCalls()
        self._admission = Admission(config.auth_token, config.max_calls, self._calls)
        parts = CallParts(
            knowledge=knowledge,
            control=control,
            spool=self._spool,
            phrases=phrases,
            company=config.company,
            voice=config.voice,
            zone=config.zone,
            take_model=self._models.take,
            fresh_model=self._models.fresh,
            rules=config.rules,
            price=config.price,
            speculate=config.speculate,
        )
        self._media = MediaServer(parts, signature, config.media_url, self._calls, self._admission)
        webhooks = Webhooks(
            signature, control, self._spool, config.bridge_url, config.media_url, self._models.prepare, self._admission
        )
        pagerduty = PagerDutyWebhook(config.pagerduty_webhook_secret, control)
        routes = [
            *webhooks.routes(),
            pagerduty.route,
            Route("/healthz", self._healthz),
            Route("/metrics", self._metrics),
        ]
        self.http = Starlette(routes=routes)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Phrases warm and media accepted for the length of the block. Raises `OSError` when the port is taken."""
        await self._phrases.warm()
        await self._media.start(self._config.host, self._config.media_port)
        try:
            yield
        finally:
            self._models.close()
            await self._media.close()
            await self._spool.close()

    async def serve(self) -> None:
        """Run until cancelled or told to stop."""
        async with self.running():
            config = uvicorn.Config(
                self.http, self._config.host, self._config.port, log_level="warning", access_log=False, lifespan="off"
            )
            log.info("bridge_ready", url=self._config.bridge_url, media=self._config.media_url)
            server = _Http(config)
            serving = asyncio.create_task(server.serve())
            try:
                await asyncio.shield(serving)
            finally:
                server.should_exit = True
                await serving

    async def drain(self, seconds: float) -> None:
        """Say so on /healthz, so that no new calls are sent here, and let the live ones end or hand them over."""
        self._draining = True
        log.info("bridge_draining", live_calls=len(self._calls), seconds=seconds)
        handed_over = await self._calls.drain(seconds)
        log.info("bridge_drained", handed_over=handed_over)

    async def drained(self) -> None:
        """Returns once every fact put so far was delivered."""
        await self._spool.drained()

    async def _healthz(self, request: Request) -> Response:
        status = "draining" if self._draining else "ok"
        body = {
            "status": status,
            "live_calls": len(self._calls),
            "spool_depth": self._spool.depth,
            "full": self._admission.full,
        }
        return JSONResponse(body, 503 if self._draining else 200)

    @staticmethod
    async def _metrics(request: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
