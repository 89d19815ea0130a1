"""The stack that is broken: every process is the product's own, and two bridges stand behind a balancer."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
from rich.console import Console
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from temporalio.client import Client
from twilio.twiml.voice_response import VoiceResponse

from firstline.names import FAILSAFE_QUEUE
from firstline.settings import Settings
from firstline.simulators.mulaw import babble
from realtime_bridge.phrases import PhraseBook
from workers.bench.lifecycle import embeddings
from workers.bench.lifecycle.balancer import Backend, Balancer
from workers.bench.lifecycle.model import ScriptedModel
from workers.bench.lifecycle.serving import serving
from workers.knowledge import run_ingest
from workers.ports_in_use import free_port
from workers.stack import Part, Supervisor
from workers.up import SAMPLE, Parts
from workers.wiring_settings import load_settings
from workers.wiring_store import object_store

BRIDGES = ("bridge-a", "bridge-b")
VICTIMS = (*BRIDGES, "worker", "temporal", "postgres")
REPS = tuple(f"+1202555{number:04d}" for number in range(9900, 9908))
DIALS_PER_SECOND = 20
"""An account may have its limit raised; with Twilio's default of one the run would measure that limit."""
DRAIN_SECONDS = 2
MS_PER_CHARACTER = 20


class Stage:
    """Everything that runs, and the ways to look at it. Made by `stage`."""

    def __init__(
        self, settings: Settings, supervisor: Supervisor, model: ScriptedModel, balancer: Balancer, fallback_url: str
    ) -> None:
        self.settings = settings
        self.supervisor = supervisor
        self.model = model
        self.balancer = balancer
        self.fallback_url = fallback_url
        """What the number's "primary handler fails" points to: static TwiML, as in production."""
        self.simulators = httpx.AsyncClient(base_url=settings.simulators_url, timeout=30, trust_env=False)
        self.bridges = httpx.AsyncClient(timeout=2, trust_env=False)
        self._temporal: Client | None = None

    async def temporal(self) -> Client:
        """A client; connected lazily, because the server comes and goes."""
        if self._temporal is None:
            settings = self.settings
            self._temporal = await Client.connect(
                settings.temporal_address, namespace=settings.temporal_namespace, lazy=True
            )
        return self._temporal

    async def ask_bridge(self, backend: Backend, path: str) -> httpx.Response | None:
        """A GET of one bridge; None when it does not answer."""
        try:
            return await self.bridges.get(f"http://127.0.0.1:{backend.http_port}{path}")
        except httpx.HTTPError:
            return None

    def spool_file(self, backend: Backend) -> Path:
        """Where a bridge keeps what was not delivered."""
        return self.settings.home / "spool" / f"bridge-{backend.http_port}.sqlite"

    async def close(self) -> None:
        """Close our own connections."""
        await self.simulators.aclose()
        await self.bridges.aclose()


@contextlib.asynccontextmanager
async def stage(home: Path, console: Console) -> AsyncIterator[Stage]:
    """The whole stack, for the length of the block. Raises `StackError`."""
    model, helper, supervisor = ScriptedModel(), free_port(), Supervisor(console)
    balancer = Balancer([Backend(name, free_port(), free_port()) for name in BRIDGES], free_port(), free_port())
    await model.start()
    _set_environment(home, model, balancer, helper)
    settings = load_settings()
    made = Stage(settings, supervisor, model, balancer, f"http://127.0.0.1:{helper}/fallback")
    try:
        async with _helper(helper, settings.bridge_url), balancer.running():
            await _start(supervisor, settings, balancer)
            yield made
    finally:
        await supervisor.kill_all()
        await model.close()
        await made.close()


async def _start(supervisor: Supervisor, settings: Settings, balancer: Balancer) -> None:
    make = Parts(settings)
    simulators, postgres, temporal = make.simulators(), make.postgres(), make.temporal()
    simulators.command = [sys.executable, "-m", "workers.bench.lifecycle.simulators"]
    for part in (postgres, temporal, simulators):
        await supervisor.launch(part)
    await PhraseBook(_ShortHum(), object_store(settings), settings.company).warm()
    await supervisor.await_ready(postgres)
    await run_ingest(settings, SAMPLE, settings.collection, False, Console(quiet=True))
    await supervisor.await_ready(temporal)
    await supervisor.launch(make.worker())
    bridges = [_bridge(make, backend) for backend in balancer.backends]
    for bridge in bridges:
        await supervisor.launch(bridge)
    await asyncio.gather(*(supervisor.await_ready(part) for part in (simulators, *bridges)))
    supervisor.steady = True


def _bridge(make: Parts, backend: Backend) -> Part:
    ports = {"FIRSTLINE_PORT": str(backend.http_port), "FIRSTLINE_MEDIA_PORT": str(backend.media_port)}
    return make.bridge(backend.name, backend.http_port, ports)


class _ShortHum:
    """A voice for the phrases that bridges play from the store: as loud as speech, shorter, and no model to load."""

    async def stream(self, text: str, language: str) -> AsyncIterator[bytes]:
        yield babble(max(400, len(text) * MS_PER_CHARACTER))


def _set_environment(home: Path, model: ScriptedModel, balancer: Balancer, helper: int) -> None:
    """Ours and the parts'. Nothing that a person has set for a real line may reach them."""
    for field in Settings.model_fields.values():
        os.environ.pop(str(field.validation_alias), None)
    ports = ("PORT", "MEDIA_PORT", "SPEECH_PORT", "SIMULATORS_PORT", "POSTGRES_PORT", "TEMPORAL_UI_PORT")
    os.environ.update({f"FIRSTLINE_{name}": str(free_port()) for name in ports})
    os.environ.update(
        {
            "FIRSTLINE_HOME": str(home),
            "FIRSTLINE_PUBLIC_URL": f"http://127.0.0.1:{balancer.http_port}",
            "FIRSTLINE_PUBLIC_MEDIA_URL": f"ws://127.0.0.1:{balancer.media_port}/media",
            "FIRSTLINE_REALTIME_URL": model.url,
            "FIRSTLINE_REP_NUMBERS": ",".join(REPS),
            "FIRSTLINE_DIALS_PER_SECOND": str(DIALS_PER_SECOND),
            "FIRSTLINE_CALLBACK_PAUSES": "1,1",
            "FIRSTLINE_DRAIN_SECONDS": str(DRAIN_SECONDS),
            "FIRSTLINE_EMBEDDING_MODEL": embeddings.MODEL,
            "FIRSTLINE_EMBEDDING_URL": f"http://127.0.0.1:{helper}/v1",
            "OPENAI_API_KEY": "local",
            "FIRSTLINE_TRANSCRIPTION_URL": "none",
            "FIRSTLINE_STATIC_TWIML_URL": f"http://127.0.0.1:{helper}/fallback",
            "TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}",
            "NO_PROXY": "127.0.0.1,localhost",
        }
    )


@contextlib.asynccontextmanager
async def _helper(port: int, bridge_url: str) -> AsyncIterator[None]:
    """Two things that production has elsewhere: an embeddings API, and static TwiML for a line without a bridge."""

    async def fallback(request: Request) -> Response:
        twiml = VoiceResponse()
        twiml.enqueue(FAILSAFE_QUEUE, action=f"{bridge_url}/twilio/queue-done")
        return Response(str(twiml), media_type="application/xml")

    app = Starlette(routes=[embeddings.ROUTE, Route("/fallback", fallback, methods=["POST"])])
    async with serving(app, port):
        yield
