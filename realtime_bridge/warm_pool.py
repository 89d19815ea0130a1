"""Model sessions that are configured before their call needs them.

Connecting costs a TLS handshake, an upgrade and a `session.update`; a caller whose session is ready waits for none of
it. A session that hears no audio and makes no response costs nothing: OpenAI bills tokens, not connections
(https://developers.openai.com/api/docs/guides/realtime-costs).
"""

import asyncio
from dataclasses import dataclass

from realtime_bridge.lanes import Lanes
from realtime_bridge.metrics import WARM_SESSIONS, WARM_WAITING
from realtime_bridge.model_link import LinkWatcher, ModelEndpoint, ModelLink
from realtime_bridge.protocol.faults import Fault

UNCLAIMED_SECONDS = 15.0
"""A session kept for a stream that never came goes back after this."""
MAX_AGE = 600.0
"""Seconds. A session may last 60 minutes and takes its age into its call; networks drop what is idle for longer."""
LOOK_EVERY = 1.0
"""Seconds between looks at age, at the lanes' breakers and at what is missing: a lane that broke is probed by these."""


@dataclass(frozen=True)
class _Kept:
    link: ModelLink
    unclaimed: asyncio.TimerHandle


class WarmPool(LinkWatcher):
    """At most `size` sessions that nobody asked for yet, and those that are kept for calls which ring."""

    def __init__(self, lanes: Lanes, configuration: bytes, size: int) -> None:
        super().__init__()
        self.lanes = lanes
        self._configuration = configuration
        self._size = size
        self._idle: list[ModelLink] = []
        self._kept: dict[str, _Kept] = {}
        self._looking: asyncio.TimerHandle | None = None
        self._closed = False

    def start(self) -> None:
        """Begin to fill; the pool looks after itself from here on."""
        if self._size:
            self._look()

    def prepare(self, call_sid: str) -> None:
        """Have a session for a call that rings: one that waits, or one begun now."""
        if call_sid not in self._kept:
            unclaimed = asyncio.get_running_loop().call_later(UNCLAIMED_SECONDS, self._give_back, call_sid)
            self._kept[call_sid] = _Kept(self._from_pool() or self.open(self.lanes.pick()), unclaimed)

    def take(self, call_sid: str) -> ModelLink:
        """The call's session, one that waits, or a fresh one."""
        kept = self._kept.pop(call_sid, None)
        if kept is not None:
            kept.unclaimed.cancel()
        link = kept.link if kept is not None and kept.link.lost is None else self._from_pool()
        WARM_SESSIONS.labels("fresh" if link is None else "ready" if link.ready else "connecting").inc()
        return link or self.open(self.lanes.pick())

    def another(self, lane: ModelEndpoint, delay: float, ready_within: float) -> ModelLink:
        """A session in this lane for a call that lost its own."""
        waiting = self._from_pool(lane) if not delay else None
        return waiting or self.open(lane, delay, ready_within)

    def open(self, lane: ModelEndpoint, delay: float = 0.0, ready_within: float | None = None) -> ModelLink:
        """A fresh session."""
        self.lanes.begun(lane)
        more = {} if ready_within is None else {"ready_within": ready_within}
        return ModelLink(lane, self._configuration, self, delay=delay, **more)

    def _from_pool(self, lane: ModelEndpoint | None = None) -> ModelLink | None:
        """A session that waits: ready ones first, in the lane that calls are sent to now."""
        lane = lane or self.lanes.pick()
        fitting = sorted((link for link in self._idle if link.endpoint == lane), key=lambda link: not link.ready)
        if not fitting:
            return None
        self._idle.remove(fitting[0])
        asyncio.get_running_loop().call_soon(self._top_up)
        return fitting[0]

    def _give_back(self, call_sid: str) -> None:
        kept = self._kept.pop(call_sid, None)
        if kept is None:
            return
        kept.unclaimed.cancel()
        if kept.link.lost is None and len(self._idle) < self._size and not self._closed:
            self._idle.append(kept.link)
        else:
            kept.link.close()

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        self._looking = loop.call_later(LOOK_EVERY, self._look)
        for link in [link for link in self._idle if loop.time() - link.opened_at > MAX_AGE]:
            self._idle.remove(link)
            link.close()
        self._top_up()

    def _top_up(self) -> None:
        """Open what is missing in the lane that works; what is ready in another makes room for it."""
        while not self._closed and (lane := self.lanes.usable()) is not None:
            strangers = [link for link in self._idle if link.endpoint != lane]
            if len(self._idle) - len(strangers) >= self._size:
                break
            if len(self._idle) >= self._size:
                # One that is not ready may be the probe of a lane that broke: it stays until it is known what it found.
                ready = next((link for link in strangers if link.ready), None)
                if ready is None:
                    break
                self._idle.remove(ready)
                ready.close()
            self._idle.append(self.open(lane))
        WARM_WAITING.set(sum(link.ready for link in self._idle))

    def link_ready(self, link: ModelLink) -> None:
        self.lanes.link_ready(link)
        WARM_WAITING.set(sum(link.ready for link in self._idle))

    def link_lost(self, link: ModelLink, fault: Fault) -> None:
        self.lanes.link_lost(link, fault)
        if link in self._idle:
            self._idle.remove(link)

    def close(self) -> None:
        """Give all back."""
        self._closed = True
        if self._looking is not None:
            self._looking.cancel()
        for call_sid in list(self._kept):
            self._give_back(call_sid)
        for link in self._idle:
            link.close()
        self._idle.clear()
