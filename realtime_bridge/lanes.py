"""The lanes to a model in their order of preference, and which of them works: known to all calls of the bridge."""

import asyncio
from collections.abc import Sequence

import structlog

from realtime_bridge.metrics import MODEL_BREAKER, MODEL_FAULTS
from realtime_bridge.model_link import LinkWatcher, ModelEndpoint, ModelLink
from realtime_bridge.protocol.breaker import Breaker, State
from realtime_bridge.protocol.faults import Fault, Kind

log = structlog.get_logger()


class Lanes(LinkWatcher):
    """One breaker a lane; learns from every link that it opened, and from what sessions say."""

    def __init__(self, endpoints: Sequence[ModelEndpoint]) -> None:
        self._breakers = {endpoint: Breaker() for endpoint in endpoints}

    def usable(self, avoid: ModelEndpoint | None = None) -> ModelEndpoint | None:
        """The first lane that lets a connection through, `avoid` after all others; None while none does."""
        now = self._now()
        by_preference = sorted(self._breakers, key=lambda endpoint: endpoint == avoid)
        return next((endpoint for endpoint in by_preference if self._breakers[endpoint].allows(now)), None)

    def pick(self, avoid: ModelEndpoint | None = None) -> ModelEndpoint:
        """The same for a caller who waits: where no lane works, the one that may be tried first again."""
        now = self._now()
        return self.usable(avoid) or min(self._breakers, key=lambda each: self._breakers[each].opens_at(now))

    def begun(self, endpoint: ModelEndpoint) -> None:
        """A connection to this lane is tried."""
        self._breakers[endpoint].begun(self._now())

    def alternative(self, to: ModelEndpoint) -> bool:
        """Whether there is another lane that is not known to be broken."""
        now = self._now()
        others = (breaker for endpoint, breaker in self._breakers.items() if endpoint != to)
        return any(breaker.state(now) is not State.OPEN for breaker in others)

    def report(self, endpoint: ModelEndpoint, fault: Fault) -> None:
        """Something is wrong with a lane: counted, and remembered by its breaker."""
        MODEL_FAULTS.labels(endpoint.name, fault.kind.value, fault.code).inc()
        if fault.kind is Kind.UNRETRYABLE:
            log.error("model_lane_needs_an_operator", lane=endpoint.name, code=fault.code)
        now, breaker = self._now(), self._breakers[endpoint]
        before = breaker.state(now)
        breaker.failed(fault, now)
        if breaker.state(now) is State.OPEN and before is not State.OPEN:
            log.warning(
                "model_breaker_open",
                lane=endpoint.name,
                code=fault.code,
                seconds=round(breaker.opens_at(now) - now, 1),
            )

    def link_ready(self, link: ModelLink) -> None:
        self._breakers[link.endpoint].succeeded(self._now())

    def link_lost(self, link: ModelLink, fault: Fault) -> None:
        self.report(link.endpoint, fault)

    def states(self) -> dict[str, str]:
        """Lane -> closed, half_open or open with its cause; sets the gauge."""
        now = self._now()
        shown = {}
        for endpoint, breaker in self._breakers.items():
            state = breaker.state(now)
            MODEL_BREAKER.labels(endpoint.name).set(state.value)
            shown[endpoint.name] = state.name.lower() + (f": {breaker.why}" if breaker.why else "")
        return shown

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
