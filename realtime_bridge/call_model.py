"""The model as one call has it: one to speak to, whatever becomes of the sockets behind it."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import structlog

from realtime_bridge.metrics import MODEL_GAP, MODEL_RECONNECTS, SESSION_READY
from realtime_bridge.model_link import READY_WITHIN, ModelLink
from realtime_bridge.protocol.faults import Fault, Kind
from realtime_bridge.protocol.rollover import RollOver, Step
from realtime_bridge.warm_pool import WarmPool

log = structlog.get_logger()

WAITS = (0.0, 0.1, 0.4, 1.0)
"""Seconds before each attempt to replace a lost session. One that is lost once more is given up."""
FORGET_AFTER = 60.0
"""Seconds after which a loss is no longer counted."""
ELSEWHERE_AFTER = 0.5
"""Seconds that a lane may take to replace a session while another lane stands ready: then the caller is taken there."""
ROLL_OVER_LOOKS = 0.2
"""Seconds between looks for a quiet moment, once a session's time is nearly up."""


class CallModel:
    """Replaces sessions that are lost or too old, and tells the call when it must tell its conversation again."""

    __slots__ = (
        "_begun", "_call_sid", "_link", "_looking", "_loop", "_losses", "_lost_at", "_next", "_on_event",
        "_on_given_up", "_on_pulse", "_on_read", "_on_replaced", "_pool", "_quiet", "_roll_over", "send",
    )  # fmt: skip

    def __init__(
        self,
        pool: WarmPool,
        call_sid: str,
        on_event: Callable[[dict[str, Any]], None],
        on_pulse: Callable[[bool], None],
        on_read: Callable[[], None],
        on_replaced: Callable[[], None],
        on_given_up: Callable[[str], None],
        quiet: Callable[[], bool],
    ) -> None:
        self._pool = pool
        self._call_sid = call_sid
        self._on_event = on_event
        self._on_pulse = on_pulse
        self._on_read = on_read
        self._on_replaced = on_replaced
        self._on_given_up = on_given_up
        self._quiet = quiet
        self._loop = asyncio.get_running_loop()
        self._begun = self._loop.time()
        self._losses: deque[float] = deque()
        self._lost_at: float | None = None
        self._next: ModelLink | None = None
        self._looking: asyncio.TimerHandle | None = None
        self._link = pool.take(call_sid)
        self.send = self._link.send
        """Takes a client event."""
        self._watch_age()

    def attach(self) -> None:
        """Begin to hear it. Until then what it says is kept."""
        self._link.attach(self._on_event, self._lost, self._on_pulse, self._on_read, self._of_session)

    def ping(self) -> None:
        """Ask the session whether it is alive."""
        self._link.ping()

    def configure(self, configuration: bytes) -> None:
        """A `session.update`, unless the session has it already."""
        self._link.configure(configuration)

    def close(self) -> None:
        """The call is over."""
        if self._looking is not None:
            self._looking.cancel()
        self._link.close()
        if self._next is not None:
            self._next.close()

    def fault(self, fault: Fault, *, session_lost: bool) -> None:
        """The session says that its lane is unusable, or its time is up; or only that there is no room for another."""
        self._pool.lanes.report(self._link.endpoint, fault)
        if session_lost:
            self._link.close()
            self._lost(fault)

    # --- replacing ----------------------------------------------------------------------------------------------------

    def _of_session(self, event: dict[str, Any]) -> None:
        if event["type"] == "session.updated":
            self._ready()
        else:
            self._expires(event)

    def _ready(self) -> None:
        now = self._loop.time()
        if self._lost_at is not None:
            MODEL_GAP.observe((now - self._lost_at) * 1000)
            log.info("model_replaced", call_sid=self._call_sid, gap_ms=round((now - self._lost_at) * 1000, 1))
            self._lost_at = None
        elif self._begun:
            SESSION_READY.observe((now - self._begun) * 1000)
        self._begun = 0.0

    def _lost(self, fault: Fault) -> None:
        """Go on with another session; the caller keeps hearing what is buffered meanwhile."""
        now = self._loop.time()
        over = fault.kind is Kind.SESSION_OVER
        while self._losses and now - self._losses[0] > FORGET_AFTER:
            self._losses.popleft()
        if not over:
            self._losses.append(now)
        if len(self._losses) > len(WAITS):
            self._on_given_up(fault.code)
            return
        if self._lost_at is None:
            self._lost_at = now
        log.warning("model_lost", call_sid=self._call_sid, code=fault.code, losses=len(self._losses))
        MODEL_RECONNECTS.labels(fault.kind.value).inc()
        self._go_over(self._ready_made() or self._replacement(fault))

    def _ready_made(self) -> ModelLink | None:
        """The session that was made ready for a roll-over."""
        following, self._next = self._next, None
        return following if following is not None and following.lost is None else None

    def _replacement(self, fault: Fault) -> ModelLink:
        lanes, lane = self._pool.lanes, self._link.endpoint
        # A session that was ready and broke is worth one more try where it was; one that never was is not.
        again = self._link.ready and fault.kind in (Kind.NETWORK, Kind.SESSION_OVER)
        chosen = lanes.pick(avoid=None if again else lane)
        wait = WAITS[max(0, len(self._losses) - 1)] if chosen == lane else 0.0
        within = ELSEWHERE_AFTER if lanes.alternative(chosen) else READY_WITHIN
        return self._pool.another(chosen, wait, within)

    def _go_over(self, link: ModelLink) -> None:
        self._link.close()
        self._link, self.send = link, link.send
        self._watch_age()
        self._on_replaced()
        link.attach(self._on_event, self._lost, self._on_pulse, self._on_read, self._of_session)

    # --- before a session's time is up --------------------------------------------------------------------------------

    def _watch_age(self, lasts: float = 3600.0) -> None:
        self._roll_over = RollOver(self._link.opened_at, lasts)
        if self._looking is not None:
            self._looking.cancel()
        self._looking = self._loop.call_at(self._roll_over.due_at, self._look)

    def _expires(self, event: dict[str, Any]) -> None:
        session = event.get("session")
        at = session.get("expires_at") if isinstance(session, dict) else None
        if isinstance(at, int | float) and at > 0:
            self._watch_age(at - time.time() + self._loop.time() - self._link.opened_at)

    def _look(self) -> None:
        self._looking = self._loop.call_later(ROLL_OVER_LOOKS, self._look)
        match self._roll_over.step(self._loop.time(), self._quiet()):
            case Step.PREPARE:
                self._next = self._pool.open(self._pool.lanes.pick())
            case Step.SWAP if self._next is not None and self._next.ready:
                log.info("model_rolled_over", call_sid=self._call_sid)
                MODEL_RECONNECTS.labels("roll_over").inc()
                following, self._next = self._next, None
                self._go_over(following)
            case Step.SWAP if self._next is None or self._next.lost is not None:
                self._roll_over.prepared = False
