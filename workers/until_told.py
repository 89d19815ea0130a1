"""How a process of ours ends: on SIGINT or SIGTERM, after cleaning up."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def stoppable(work: Awaitable[T]) -> T:
    """Run `work`; SIGTERM cancels it as Ctrl-C does, so that it ends what it started. Raises `CancelledError` then.

    Only the first one counts: from then on the work is tidying up.
    """
    loop, running = asyncio.get_running_loop(), asyncio.current_task()
    assert running is not None

    def stop() -> None:
        loop.add_signal_handler(signal.SIGTERM, lambda: None)
        running.cancel()

    loop.add_signal_handler(signal.SIGTERM, stop)
    try:
        return await work
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


async def until_told(
    work: Awaitable[None] | None = None, *, first: Callable[[], Awaitable[None]] | None = None
) -> None:
    """Run `work` until SIGINT or SIGTERM, then cancel it and wait for it to end. Without work, only wait.

    When told, `first` is awaited while `work` still runs.
    """
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    waiting = asyncio.create_task(told.wait())
    running = asyncio.ensure_future(work) if work is not None else None
    await asyncio.wait({waiting, running} if running else {waiting}, return_when=asyncio.FIRST_COMPLETED)
    if told.is_set() and first is not None:
        await first()
    waiting.cancel()
    if running is not None:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
