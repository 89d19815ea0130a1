"""Small files written by one thread: those that wait are handed to it together, and the loop waits for no disk."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class _Write:
    key: str
    data: bytes
    done: asyncio.Future[None]


class FileWriter:
    """Calls a blocking `write(key, data)` beside the loop. Waking a thread for each file costs more than the file."""

    def __init__(self, write: Callable[[str, bytes], object]) -> None:
        self._write = write
        self._thread = ThreadPoolExecutor(1, "file-writer")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: list[_Write] = []

    async def put(self, key: str, data: bytes) -> None:
        """Returns once it is written. Raises what `write` raises."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            # What another loop left behind when it was closed has nobody who waits for it.
            self._loop, self._waiting = loop, []
        waiting = _Write(key, data, loop.create_future())
        self._waiting.append(waiting)
        if len(self._waiting) == 1:
            loop.call_soon(self._hand_over, loop)
        await waiting.done

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        writes, self._waiting = self._waiting, []
        self._thread.submit(self._write_all, writes, loop)

    def _write_all(self, writes: Sequence[_Write], loop: asyncio.AbstractEventLoop) -> None:
        problems = [self._problem(each) for each in writes]
        loop.call_soon_threadsafe(_settle, writes, problems)

    def _problem(self, each: _Write) -> Exception | None:
        try:
            self._write(each.key, each.data)
        except Exception as problem:  # whatever it is, it is raised where the write is awaited
            return problem
        return None


def _settle(writes: Sequence[_Write], problems: Sequence[Exception | None]) -> None:
    for each, problem in zip(writes, problems, strict=True):
        if each.done.done():
            continue
        if problem is None:
            each.done.set_result(None)
        else:
            each.done.set_exception(problem)


def write_whole(folder: Path, key: str, data: bytes) -> None:
    """Whoever reads `key` finds all of it or what was there before. Raises `OSError`."""
    path = folder / key
    # `#` and a number: what obstore calls its own unfinished files, and leaves out of its lists.
    part = path.with_name(f"{path.name}#{secrets.randbits(32)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
