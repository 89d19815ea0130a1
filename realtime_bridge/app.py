"""The bridge as one object: its HTTP application, its media server, its warm connections to the model."""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from firstline.domain.language import SUPPORTED
from firstline.domain.turn import Usage
from firstline.ports import CallControl, Knowledge, Transcription
from firstline.serving import listen
from realtime_bridge.admission import Admission
from realtime_bridge.call_parts import CallParts
from realtime_bridge.lanes import Lanes
from realtime_bridge.live_calls import LiveCalls
from realtime_bridge.media import MediaServer
from realtime_bridge.model_link import ModelEndpoint
from realtime_bridge.pagerduty_webhook import PagerDutyWebhook
from realtime_bridge.phrases import PhraseBook
from realtime_bridge.protocol.realtime import ModelSettings, session_update
from realtime_bridge.protocol.rules import CallRules
from realtime_bridge.recording import Recordings
from realtime_bridge.session_configs import session_config
from realtime_bridge.signature import TwilioSignature
from realtime_bridge.spool import Spool
from realtime_bridge.warm_pool import WarmPool
from realtime_bridge.webhooks import Webhooks

log = structlog.get_logger()

LAST_WEBHOOKS_SECONDS = 2.0
"""A bridge that has handed its calls over answers webhooks for so much longer."""
SWITCH_S = 0.001
"""How long a thread that writes facts or recordings may keep the interpreter from the loop: Python's own 5 ms are a
quarter of a frame for every call."""


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
    company: str
    zone: ZoneInfo
    spool_path: Path
    rules: CallRules = field(default_factory=CallRules)
    price: Callable[[Usage], float | None] | None = None
    model: ModelSettings = field(default_factory=ModelSettings)
    """How the model listens, thinks and speaks."""
    warm_sessions: int = 0
    """Model sessions made ready ahead of any call."""
    max_calls: int = 300
    """Beyond them a call that rings goes to the failsafe queue, and a stream is refused."""
    speculate: bool = True
    """Whether the help centre is searched while callers still speak."""
    pagerduty_webhook_secret: str = ""
    """Empty: no acknowledgement is taken."""


class Bridge:
    """Answers the carrier until it is closed."""

    def __init__(
        self,
        config: BridgeConfig,
        knowledge: Knowledge,
        control: CallControl,
        phrases: PhraseBook,
        recordings: Recordings | None = None,
        transcription: Transcription | None = None,
    ) -> None:
        """Without `recordings` no audio is kept.

        `transcription` writes down what the model's own transcriber could not make out; None for nobody.
        """
        self._recordings = recordings
        self._config = config
        self._phrases = phrases
        self._draining = False
        configs = {code: session_config(code, config.company, config.model) for code in SUPPORTED}
        self._lanes = Lanes(config.lanes)
        self._pool = WarmPool(self._lanes, session_update(configs[SUPPORTED[0]]), config.warm_sessions)
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
            configs=configs,
            zone=config.zone,
            pool=self._pool,
            rules=config.rules,
            transcription=transcription,
            price=config.price,
            speculate=config.speculate,
            recordings=recordings,
        )
        self._media = MediaServer(parts, signature, config.media_url, self._calls, self._admission)
        self.http = Starlette(routes=self._routes(control, signature))

    def _routes(self, control: CallControl, signature: TwilioSignature) -> list[Route]:
        config = self._config
        webhooks = Webhooks(
            signature, control, self._spool, config.bridge_url, config.media_url, self._pool.prepare, self._admission
        )
        pagerduty = PagerDutyWebhook(config.pagerduty_webhook_secret, control)
        return [
            *webhooks.routes(),
            pagerduty.route,
            Route("/healthz", self._healthz),
            Route("/metrics", self._metrics),
        ]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Phrases warm and media accepted for the length of the block. Raises `OSError` when the port is taken."""
        await self._phrases.warm()
        await self._media.start(self._config.host, self._config.media_port)
        self._pool.start()
        try:
            yield
        finally:
            self._pool.close()
            await self._media.close()
            if self._recordings is not None:
                await self._recordings.aclose()
            await self._spool.close()

    async def serve(self) -> None:
        """Run until cancelled or told to stop."""
        async with self.running():
            # What was loaded stays: looking through it again for garbage would stop every call for a tenth of a second.
            gc.collect()
            gc.freeze()
            sys.setswitchinterval(SWITCH_S)
            http = await listen(self.http, self._config.host, self._config.port)
            log.info("bridge_ready", url=self._config.bridge_url, media=self._config.media_url)
            try:
                await http.ended()
            finally:
                await http.close()

    async def drain(self, seconds: float) -> None:
        """Say so on /healthz, so that no new calls are sent here, and let the live ones end or hand them over."""
        self._draining = True
        log.info("bridge_draining", live_calls=len(self._calls), seconds=seconds)
        handed_over = await self._calls.drain(seconds)
        if handed_over:
            # Twilio asks now what is next, and as long as our /healthz was not looked at again it asks us.
            await asyncio.sleep(LAST_WEBHOOKS_SECONDS)
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
            "lanes": self._lanes.states(),
        }
        return JSONResponse(body, 503 if self._draining else 200)

    async def _metrics(self, request: Request) -> Response:
        self._lanes.states()
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
