"""Two real bridge processes behind the balancer, on a real Temporal and a real Postgres; the test is the carrier."""

import contextlib
import hashlib
import sys
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import httpx
from rich.console import Console
from starlette.applications import Starlette
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from twilio.request_validator import RequestValidator
from websockets.asyncio.client import connect

from firstline.adapters.object_store import ObstoreObjectStore
from firstline.adapters.openai_embedder import OpenAIEmbedder
from firstline.adapters.postgres import Pool
from firstline.adapters.temporal import TemporalCallControl
from firstline.knowledge.ingest import ingest
from firstline.prompts import phrase_key
from firstline.settings import LOCAL_AUTH_TOKEN
from realtime_bridge.phrases import PhraseBook
from tests.contracts.test_call_control import eventually
from tests.fixtures.knowledge import HELP_CENTRE
from tests.realtime_bridge.scripted_model import ModelSession, ScriptedModel
from tests.realtime_bridge.stage import Phone
from tests.workflows.calls import CALLER, LINE, activities_of
from tests.workflows.fakes import World
from workers.bench.lifecycle import embeddings
from workers.bench.lifecycle.balancer import Backend, Balancer
from workers.bench.lifecycle.serving import serving
from workers.ports_in_use import free_port
from workers.stack import Part, Supervisor
from workers.up import healthy
from workers.worker import build_worker

COMPANY = "Meridian"
COLLECTION = "two bridges"
ARTICLE = HELP_CENTRE / "es" / "reset-password-es.md"
NEVER_MS = "600000"


class _Distinct:
    """A voice whose every phrase sounds like no other, so that what was heard tells what was said."""

    async def stream(self, text: str, language: str) -> AsyncIterator[bytes]:
        yield hashlib.sha256(text.encode()).digest() * 50


@dataclass
class Connected:
    """What TwiML tells the carrier to do: open this stream, and afterwards ask this URL."""

    action: str
    url: str
    parameters: dict[str, str]


@dataclass
class TwoBridges:
    """The bridges, and the carrier's end of one call."""

    supervisor: Supervisor
    balancer: Balancer
    model: ScriptedModel
    control: TemporalCallControl
    store: ObstoreObjectStore
    call_sid: str = field(default_factory=lambda: f"CA{uuid.uuid4().hex}")
    _unclaimed: list[ModelSession] = field(default_factory=list)
    _sign: RequestValidator = field(default_factory=lambda: RequestValidator(LOCAL_AUTH_TOKEN))

    @property
    def base(self) -> str:
        """Where the carrier sends webhooks."""
        return f"http://127.0.0.1:{self.balancer.http_port}"

    async def webhook(self, url: str) -> Connected:
        """A signed webhook of this call, and the stream that its answer asks for."""
        form = {"CallSid": self.call_sid, "From": CALLER, "To": LINE}
        headers = {"X-Twilio-Signature": self._sign.compute_signature(url, form)}
        async with httpx.AsyncClient(trust_env=False, timeout=15) as client:
            answer = (await client.post(url, data=form, headers=headers)).raise_for_status()
        connect_ = ElementTree.fromstring(answer.text).find("Connect")
        assert connect_ is not None, answer.text
        [stream] = connect_
        parameters = {each.attrib["name"]: each.attrib["value"] for each in stream}
        return Connected(connect_.attrib["action"], stream.attrib["url"], parameters)

    @contextlib.asynccontextmanager
    async def stream(self, asked: Connected) -> AsyncIterator[Phone]:
        """The media stream that a bridge asked for."""
        headers = {"X-Twilio-Signature": self._sign.compute_signature(asked.url, {})}
        async with connect(asked.url, additional_headers=headers, compression=None, proxy=None) as socket:
            phone = Phone(socket, self.call_sid, f"MZ{uuid.uuid4().hex}")
            await phone.start(**asked.parameters)
            yield phone

    async def session(self) -> ModelSession:
        """The next model session that hears of a call.

        Not simply the next: the bridge that answers a webhook prepares one, in vain where the stream goes to the other.
        """

        async def told() -> ModelSession | None:
            while not self.model.sessions.empty():
                self._unclaimed.append(self.model.sessions.get_nowait())
            return next((each for each in self._unclaimed if each.count("conversation.item.create")), None)

        found = await eventually(told)
        assert found is not None
        self._unclaimed.remove(found)
        return found

    async def kill_the_bridge_on_the_call(self) -> tuple[str, int]:
        """`kill -9`; its name and how it ended."""
        [backend] = [backend for backend in self.balancer.backends if backend.streams]
        part = self.supervisor.parts[backend.name]
        assert part.process is not None
        part.kill()
        return backend.name, await part.process.wait()

    async def phrase(self, language: str, text: str) -> bytes:
        """How a phrase sounds, µ-law."""
        audio = await self.store.get(phrase_key(language, text))
        assert audio is not None
        return audio


@contextlib.asynccontextmanager
async def two_bridges(
    home: Path, dev_server: WorkflowEnvironment, pool: Pool, database_url: str, model: ScriptedModel
) -> AsyncIterator[TwoBridges]:
    """Both up, for the length of the block."""
    helper, supervisor = free_port(), Supervisor(Console(quiet=True))
    backends = [Backend(name, free_port(), free_port()) for name in ("bridge-a", "bridge-b")]
    balancer = Balancer(backends, free_port(), free_port())
    store = ObstoreObjectStore((home / "objects").as_uri())
    await PhraseBook(_Distinct(), store, COMPANY).warm()
    client = dev_server.client
    env = _environment(home, balancer, model, helper, database_url, client)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(supervisor.kill_all)
        await stack.enter_async_context(serving(Starlette(routes=[embeddings.ROUTE]), helper))
        for backend in backends:
            await supervisor.launch(_bridge(backend, home, env))
        embedder = OpenAIEmbedder(embeddings.MODEL, "local", env["FIRSTLINE_EMBEDDING_URL"])
        await ingest(pool, embedder, ARTICLE, COLLECTION)
        embedder.close()
        await stack.enter_async_context(build_worker(client, activities_of(World())))
        for part in supervisor.parts.values():
            await supervisor.await_ready(part)
        await stack.enter_async_context(balancer.running())
        yield TwoBridges(supervisor, balancer, model, TemporalCallControl(client), store)


def _environment(
    home: Path, balancer: Balancer, model: ScriptedModel, helper: int, database_url: str, client: Client
) -> dict[str, str]:
    """What both bridges read; the clocks that would speak up for a slow machine are off."""
    return {
        "FIRSTLINE_HOME": str(home),
        "FIRSTLINE_COMPANY": COMPANY,
        "FIRSTLINE_COLLECTION": COLLECTION,
        "FIRSTLINE_PUBLIC_URL": f"http://127.0.0.1:{balancer.http_port}",
        "FIRSTLINE_PUBLIC_MEDIA_URL": f"ws://127.0.0.1:{balancer.media_port}/media",
        "FIRSTLINE_REALTIME_URL": model.url,
        "FIRSTLINE_EMBEDDING_MODEL": embeddings.MODEL,
        "FIRSTLINE_EMBEDDING_URL": f"http://127.0.0.1:{helper}/v1",
        "FIRSTLINE_TRANSCRIPTION_URL": "none",
        "FIRSTLINE_WARM_SESSIONS": "0",
        "FIRSTLINE_SPECULATE": "false",
        "FIRSTLINE_BARGE_IN_AFTER_MS": "0",
        "FIRSTLINE_FILLER_AFTER_MS": NEVER_MS,
        "FIRSTLINE_LIVE_LINE_AFTER_MS": NEVER_MS,
        "FIRSTLINE_SILENCE_AFTER_MS": NEVER_MS,
        "OPENAI_API_KEY": "local",
        "DATABASE_URL": database_url,
        "TEMPORAL_ADDRESS": client.service_client.config.target_host,
        "TEMPORAL_NAMESPACE": client.namespace,
    }


def _bridge(backend: Backend, home: Path, env: dict[str, str]) -> Part:
    ports = {"FIRSTLINE_PORT": str(backend.http_port), "FIRSTLINE_MEDIA_PORT": str(backend.media_port)}
    command = [sys.executable, "-m", "workers.cli", "serve", "bridge"]
    ready = healthy(f"http://127.0.0.1:{backend.http_port}")
    return Part(backend.name, command, ready, home / f"{backend.name}.log", {**env, **ports})
