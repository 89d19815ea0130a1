"""The embedded stack: every process of the product and its servers on this machine, supervised in the foreground."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import httpx
import psycopg
from rich.console import Console

from firstline.adapters.embedded_temporal import dev_server_command
from firstline.settings import Settings
from workers.ports_in_use import require_free
from workers.stack import Part, Ready, StackError, Supervisor
from workers.wiring_settings import database_url

SAMPLE = Path(__file__).resolve().parent.parent / "examples" / "help-centre"


class Parts:
    """Makes the parts of a stack from its settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._logs = settings.home / "logs"
        self._logs.mkdir(parents=True, exist_ok=True)

    def postgres(self) -> Part:
        """The embedded database."""
        return self.serve("postgres", ready=self._postgres)

    def temporal(self) -> Part:
        """Temporal's development server, its state on disk."""
        settings = self._settings
        address, ui = settings.temporal_address, settings.temporal_ui_port
        command = dev_server_command(settings.home / "temporal", address, ui)
        return Part("temporal", command, listening(address), self._logs / "temporal.log")

    def simulators(self) -> Part:
        """The loopback stand-ins."""
        return self.serve("simulators", ready=healthy(self._settings.simulators_url))

    def speech(self) -> Part:
        """Our own model server."""
        settings = self._settings
        return self.serve("speech", ready=healthy(f"http://{settings.host}:{settings.speech_port}"))

    def worker(self) -> Part:
        """A worker: nobody can ask it whether it is ready, and nobody needs to."""
        return self.serve("worker", ready=_at_once)

    def bridge(self, name: str = "bridge", port: int = 0, env: Mapping[str, str] | None = None) -> Part:
        """A bridge; `port` and `env` for one of several."""
        settings = self._settings
        ready = healthy(f"http://{settings.host}:{port or settings.port}")
        return self.serve("bridge", name=name, ready=ready, env=env)

    def serve(self, process: str, *, ready: Ready, name: str = "", env: Mapping[str, str] | None = None) -> Part:
        """`firstline serve <process>`."""
        command = [sys.executable, "-m", "workers.cli", "serve", process]
        return Part(name or process, command, ready, self._logs / f"{name or process}.log", env or {})

    async def _postgres(self) -> bool:
        try:
            connection = await psycopg.AsyncConnection.connect(database_url(self._settings), connect_timeout=2)
        except psycopg.Error:
            return False
        await connection.close()
        return True


class Stack(Supervisor):
    """Starts the parts together, waits for each, stops them in reverse."""

    def __init__(self, settings: Settings, console: Console) -> None:
        super().__init__(console)
        self._settings = settings
        self._make = Parts(settings)

    async def start(self) -> None:
        """Start everything. Raises `StackError` or `PortInUse`; what was started is then stopped by `stop`."""
        self._require_ports()
        make = self._make
        postgres, temporal, simulators, speech = make.postgres(), make.temporal(), make.simulators(), make.speech()
        own = [] if self._settings.database_url else [postgres]
        for part in (*own, temporal, simulators, speech):
            await self.launch(part)
        await self.await_ready(postgres)
        await ingest_if_empty(self._settings, self.console)
        await self.await_ready(temporal)
        worker, bridge = make.worker(), make.bridge()
        await self.launch(worker)
        await self.launch(bridge)
        await asyncio.gather(*(self.await_ready(part) for part in (simulators, speech, bridge)))
        self.steady = True

    def _require_ports(self) -> None:
        settings = self._settings
        temporal = int(settings.temporal_address.rpartition(":")[2])
        for port, variable in (
            (settings.port, "FIRSTLINE_PORT"),
            (settings.media_port, "FIRSTLINE_MEDIA_PORT"),
            (settings.speech_port, "FIRSTLINE_SPEECH_PORT"),
            (settings.simulators_port, "FIRSTLINE_SIMULATORS_PORT"),
            (temporal, "TEMPORAL_ADDRESS=127.0.0.1:<port> instead of FIRSTLINE_TEMPORAL_PORT"),
            (settings.temporal_ui_port, "FIRSTLINE_TEMPORAL_UI_PORT"),
        ):
            require_free(settings.host, port, variable)
        if not settings.database_url:
            require_free(settings.host, settings.postgres_port, "FIRSTLINE_POSTGRES_PORT")


async def ingest_if_empty(settings: Settings, console: Console) -> None:
    """The sample help centre, for a collection that has nothing yet. Raises `StackError`."""
    from workers.knowledge import collection_size

    size = await collection_size(settings)
    if size:
        console.print(f"  [green]✓[/] help centre [dim]({size} chunks, collection {settings.collection})[/]")
        return
    console.print(f"  ingesting the sample help centre from {SAMPLE.name}/ …")
    command = [sys.executable, "-m", "workers.cli", "ingest", str(SAMPLE)]
    process = await asyncio.create_subprocess_exec(*command, stdout=sys.stderr)
    try:
        code = await process.wait()
    except asyncio.CancelledError:
        process.terminate()
        raise
    if code != 0:
        raise StackError("the sample help centre could not be ingested")


def listening(address: str) -> Ready:
    """Whether anybody accepts at host:port."""
    host, _, port = address.rpartition(":")

    async def answers() -> bool:
        try:
            _, writer = await asyncio.open_connection(host, int(port))
        except OSError:
            return False
        writer.close()
        return True

    return answers


def healthy(base: str) -> Ready:
    """Whether `base`/healthz answers 200."""

    async def answers() -> bool:
        try:
            async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
                return (await client.get(f"{base}/healthz")).status_code == 200
        except httpx.HTTPError:
            return False

    return answers


async def _at_once() -> bool:
    return True


@contextlib.asynccontextmanager
async def running_stack(settings: Settings, console: Console) -> AsyncIterator[Stack]:
    """The whole stack, up for the length of the block."""
    stack = Stack(settings, console)
    try:
        await stack.start()
        yield stack
    finally:
        await stack.stop()


def show_places(settings: Settings, console: Console) -> None:
    """Where everything is."""
    console.print(f"  phone line     POST {settings.bridge_url}/twilio/voice   media {settings.media_url}")
    console.print(f"  Temporal UI    {settings.temporal_ui_url}")
    console.print(f"  speech server  {settings.realtime_endpoint}")
    console.print(f"  simulators     {settings.simulators_url}")
    console.print(f"  metrics        {settings.bridge_url}/metrics")
    console.print(f"  database       {database_url(settings)}")
    console.print(f"  logs           {settings.home / 'logs'}")
