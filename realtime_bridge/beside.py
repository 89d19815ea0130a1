"""What a call does beside its audio: tasks that end with it, and whose crash is heard of."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from realtime_bridge.metrics import SWALLOWED

log = structlog.get_logger()


class Beside:
    """The tasks of one call."""

    def __init__(self) -> None:
        self.call_sid = ""
        """For the log."""
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Begin it; what it raises is counted and logged."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            SWALLOWED.labels("task_crashed", type(error).__name__).inc()
            log.error("task_crashed", call_sid=self.call_sid, exc_info=error)

    def cancel(self) -> None:
        """The call is over."""
        for task in self._tasks:
            task.cancel()
