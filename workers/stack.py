"""Supervises processes as production does: what dies is started again, what keeps dying ends the whole."""

import asyncio
import contextlib
import os
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from rich.console import Console

READY_SECONDS = 120.0
STOP_SECONDS = 30.0
"""Longer than a bridge takes to drain."""
RESTARTS = 20
"""Deaths of one part within `RESTARTS_WITHIN` seconds; one more ends the stack."""
RESTARTS_WITHIN = 60.0
STEADY_SECONDS = 10.0
"""Whoever lived so long is started again at once; whoever died sooner waits a little, and a little longer."""
PAUSES = (0.0, 0.2, 0.5, 1.0, 2.0)

Ready = Callable[[], Awaitable[bool]]


class StackError(Exception):
    """A part of the stack did not start or died; the message names it and its log."""


@dataclass
class Part:
    """One supervised process."""

    name: str
    command: list[str]
    ready: Ready
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    """Beside our own environment."""
    process: asyncio.subprocess.Process | None = field(default=None, repr=False)
    wanted: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    """Set, unless somebody wants it to stay away."""
    _deaths: deque[float] = field(default_factory=deque, repr=False)
    _began: float = 0.0
    _hasty: int = 0

    @property
    def running(self) -> bool:
        """Whether its process is there; it may still be starting."""
        return self.process is not None and self.process.returncode is None

    def last_words(self) -> str:
        """The end of its log, for the person who must mend it."""
        lines = self.log.read_text("utf-8", "replace").splitlines() if self.log.exists() else []
        return "\n".join(f"  {line}" for line in lines[-6:])

    async def spawn(self) -> None:
        """Start it; its output goes to its log."""
        self._began = time.monotonic()
        with self.log.open("ab") as log:
            # Its own process group: Ctrl-C reaches us first, and we stop the parts in order.
            self.process = await asyncio.create_subprocess_exec(
                *self.command,
                stdout=log,
                stderr=log,
                stdin=asyncio.subprocess.DEVNULL,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **self.env},
                start_new_session=True,
            )

    def kill(self) -> bool:
        """`kill -9` it and all that it started; whether there was anything to kill."""
        if self.process is None or self.process.returncode is not None:
            return False
        try:
            parent = psutil.Process(self.process.pid)
            tree = [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return False
        for process in tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        return True

    def terminate(self) -> None:
        """Tell it to stop."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.terminate()

    def pause_after_death(self) -> float | None:
        """Seconds until it may be started again; None when it died too often."""
        now = time.monotonic()
        self._deaths.append(now)
        while self._deaths[0] < now - RESTARTS_WITHIN:
            self._deaths.popleft()
        if len(self._deaths) > RESTARTS:
            return None
        self._hasty = 0 if now - self._began > STEADY_SECONDS else min(self._hasty + 1, len(PAUSES) - 1)
        return PAUSES[self._hasty]


class Supervisor:
    """Launches parts, waits for them, starts again what dies and stops all in reverse."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.parts: dict[str, Part] = {}
        self.failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        # Set once everything was ready: what dies before has never worked here, and is not started again.
        self.steady = False
        self._watchers: list[asyncio.Task[None]] = []

    async def launch(self, part: Part) -> None:
        """Start a part and look after it from now on."""
        self.parts[part.name] = part
        part.wanted.set()
        await part.spawn()
        self._watchers.append(asyncio.create_task(self._watch(part)))

    async def await_ready(self, part: Part) -> None:
        """Returns once it answers. Raises `StackError`."""
        began = time.monotonic()
        while not await part.ready():
            if self.failed.done():
                raise StackError(self.failed.result())
            if time.monotonic() - began > READY_SECONDS:
                raise StackError(f"{part.name} was not ready after {READY_SECONDS:.0f} s; its log: {part.log}")
            await asyncio.sleep(0.1)
        self.console.print(f"  [green]✓[/] {part.name} [dim]({time.monotonic() - began:.1f} s)[/]")

    async def kill(self, name: str) -> None:
        """`kill -9` a part; one that is down already is killed once it is back."""
        while True:
            if self.parts[name].kill():
                return
            await asyncio.sleep(0.1)

    def hold_down(self, name: str) -> None:
        """Kill a part and keep it away until `release`."""
        self.parts[name].wanted.clear()
        self.parts[name].kill()

    async def release(self, name: str) -> None:
        """Let a part that was held down come back; returns once it answers."""
        part = self.parts[name]
        part.wanted.set()
        await self.await_ready(part)

    async def stop(self) -> None:
        """Stop every part, the last started first."""
        if self.parts:
            self.console.print("[dim]stopping …[/]")
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        for part in reversed(self.parts.values()):
            await self._stop(part)

    async def kill_all(self) -> None:
        """End every part at once, for a stack whose state nobody wants."""
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        for part in self.parts.values():
            if part.process is not None and part.kill():
                await part.process.wait()

    async def _stop(self, part: Part) -> None:
        if part.process is None or not part.running:
            return
        part.terminate()
        try:
            await asyncio.wait_for(part.process.wait(), STOP_SECONDS)
        except TimeoutError:
            self.console.print(f"  [yellow]![/] {part.name} had to be killed")
            part.kill()
            await part.process.wait()

    async def _watch(self, part: Part) -> None:
        while True:
            assert part.process is not None
            code = await part.process.wait()
            pause = part.pause_after_death() if self.steady else None
            if pause is None:
                break
            if part.wanted.is_set():
                self.console.print(f"  [yellow]![/] {part.name} died (exit {code}) and is started again")
            await asyncio.sleep(pause)
            await part.wanted.wait()
            await part.spawn()
        if not self.failed.done():
            self.failed.set_result(f"{part.name} ended (exit {code}); its log: {part.log}\n{part.last_words()}")
