"""The embedded stack: every process of the product and its servers on this machine, supervised in the foreground."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg
from rich.console import Console

from firstline.adapters.embedded_temporal import dev_server_command
from firstline.settings import Settings
from workers.ports_in_use import require_free
from workers.wiring import database_url

READY_SECONDS = 120.0
STOP_SECONDS = 30.0
"""Longer than a bridge takes to drain."""
RESTARTS = 20
"""Of one part in one run."""
SAMPLE = Path(__file__).resolve().parent.parent / "examples" / "help-centre"


class StackError(Exception):
    """A part of the stack did not start or died; the message names it and its log."""


@dataclass
class Part:
    """One supervised process."""

    name: str
    command: list[str]
    ready: Callable[[], Awaitable[bool]]
    log: Path
    process: asyncio.subprocess.Process | None = field(default=None, repr=False)

    def last_words(self) -> str:
        """The end of its log, for the person who must mend it."""
        lines = self.log.read_text("utf-8", "replace").splitlines() if self.log.exists() else []
        return "\n".join(f"  {line}" for line in lines[-6:])


class Stack:
    """Starts the parts together, waits for each, stops them in reverse."""

    def __init__(self, settings: Settings, console: Console) -> None:
        self._settings = settings
        self._console = console
        self._logs = settings.home / "logs"
        self._logs.mkdir(parents=True, exist_ok=True)
        self._parts = self._plan()
        # Set once everything was ready: what dies before has never worked here, and is not started again.
        self._up = False
        self._watchers: list[asyncio.Task[None]] = []
        self.failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def _plan(self) -> list[Part]:
        settings = self._settings
        address, ui = settings.temporal_address, settings.temporal_ui_port
        return [
            self._part("postgres", self._serve("postgres"), self._postgres),
            self._part("temporal", dev_server_command(settings.home / "temporal", address, ui), self._port(address)),
            self._part("simulators", self._serve("simulators"), self._health(settings.simulators_url)),
            self._part("speech", self._serve("speech"), self._health(f"http://{settings.host}:{settings.speech_port}")),
            self._part("worker", self._serve("worker"), _at_once),
            self._part("bridge", self._serve("bridge"), self._health(f"http://{settings.host}:{settings.port}")),
        ]

    def _part(self, name: str, command: list[str], ready: Callable[[], Awaitable[bool]]) -> Part:
        return Part(name, command, ready, self._logs / f"{name}.log")

    @staticmethod
    def _serve(name: str) -> list[str]:
        return [sys.executable, "-m", "workers.cli", "serve", name]

    async def start(self) -> None:
        """Start everything. Raises `StackError` or `PortInUse`; what was started is then stopped by `stop`."""
        self._require_ports()
        waiting = {part.name: part for part in self._parts}
        for name in ("postgres", "temporal", "simulators", "speech"):
            await self._launch(waiting[name])
        await self._await_ready(waiting["postgres"])
        await self._ingest_if_empty()
        await self._await_ready(waiting["temporal"])
        await self._launch(waiting["worker"])
        await self._launch(waiting["bridge"])
        await asyncio.gather(*(self._await_ready(waiting[name]) for name in ("simulators", "speech", "bridge")))
        self._up = True

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

    async def _launch(self, part: Part) -> None:
        if part.name == "postgres" and self._settings.database_url:
            return
        await self._spawn(part)
        self._watchers.append(asyncio.create_task(self._watch(part)))

    @staticmethod
    async def _spawn(part: Part) -> None:
        with part.log.open("ab") as log:
            # Its own process group: Ctrl-C reaches us first, and we stop the parts in order.
            part.process = await asyncio.create_subprocess_exec(
                *part.command,
                stdout=log,
                stderr=log,
                stdin=asyncio.subprocess.DEVNULL,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )

    async def _watch(self, part: Part) -> None:
        """Start a part that died again, as production's supervisor does; one that keeps dying ends the stack."""
        for _ in range(RESTARTS + 1):
            assert part.process is not None
            code = await part.process.wait()
            if not self._up:
                break
            self._console.print(f"  [yellow]![/] {part.name} died (exit {code}) and is started again")
            await self._spawn(part)
        if not self.failed.done():
            self.failed.set_result(f"{part.name} ended (exit {code}); its log: {part.log}\n{part.last_words()}")

    async def _await_ready(self, part: Part) -> None:
        began = time.monotonic()
        while not await part.ready():
            if self.failed.done():
                raise StackError(self.failed.result())
            if time.monotonic() - began > READY_SECONDS:
                raise StackError(f"{part.name} was not ready after {READY_SECONDS:.0f} s; its log: {part.log}")
            await asyncio.sleep(0.1)
        self._console.print(f"  [green]✓[/] {part.name} [dim]({time.monotonic() - began:.1f} s)[/]")

    async def _ingest_if_empty(self) -> None:
        from workers.knowledge import collection_size

        size = await collection_size(self._settings)
        if size:
            self._console.print(
                f"  [green]✓[/] help centre [dim]({size} chunks, collection {self._settings.collection})[/]"
            )
            return
        self._console.print(f"  ingesting the sample help centre from {SAMPLE.name}/ …")
        command = [sys.executable, "-m", "workers.cli", "ingest", str(SAMPLE)]
        process = await asyncio.create_subprocess_exec(*command)
        if await process.wait() != 0:
            raise StackError("the sample help centre could not be ingested")

    async def stop(self) -> None:
        """Stop every part, the last started first."""
        if any(part.process is not None for part in self._parts):
            self._console.print("[dim]stopping …[/]")
        for watcher in self._watchers:
            watcher.cancel()
        for part in reversed(self._parts):
            process = part.process
            if process is None or process.returncode is not None:
                continue
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), STOP_SECONDS)
            except TimeoutError:
                self._console.print(f"  [yellow]![/] {part.name} had to be killed")
                process.kill()
                await process.wait()

    async def _postgres(self) -> bool:
        try:
            connection = await psycopg.AsyncConnection.connect(database_url(self._settings), connect_timeout=2)
        except psycopg.Error:
            return False
        await connection.close()
        return True

    @staticmethod
    def _port(address: str) -> Callable[[], Awaitable[bool]]:
        host, _, port = address.rpartition(":")

        async def answers() -> bool:
            try:
                _, writer = await asyncio.open_connection(host, int(port))
            except OSError:
                return False
            writer.close()
            return True

        return answers

    @staticmethod
    def _health(base: str) -> Callable[[], Awaitable[bool]]:
        async def healthy() -> bool:
            try:
                async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
                    return (await client.get(f"{base}/healthz")).status_code == 200
            except httpx.HTTPError:
                return False

        return healthy


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
