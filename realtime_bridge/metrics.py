"""The bridge's Prometheus metrics; names follow Prometheus' conventions, latencies are in ms as the SLO states them."""

from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from typing import NamedTuple

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, Metric
from prometheus_client.registry import Collector

from firstline.domain.turn import Lookup, Turn, TurnTiming

_MS = (5, 10, 25, 50, 100, 200, 300, 400, 480, 580, 700, 850, 1000, 1500, 2000, 3000, 5000)
_TURNS_TOGETHER = 20
"""Measured at once: half a millisecond in which no frame is sent on."""


class _Over(NamedTuple):
    """What is measured of a turn; its words and passages are let go."""

    timing: TurnTiming
    lookup: Lookup
    searches_ahead: int
    interrupted: bool


class _TurnsOver(Collector):
    """Turns that wait to be measured, because together each costs a quarter; every scrape measures them first."""

    def __init__(self) -> None:
        self._waiting: deque[_Over] = deque()

    def add(self, turn: _Over) -> None:
        """Measure it with others, or when somebody asks for the metrics."""
        self._waiting.append(turn)
        if len(self._waiting) >= _TURNS_TOGETHER:
            self.measure()

    def measure(self) -> None:
        """Measure those that wait; may be called by any thread."""
        with suppress(IndexError):
            while True:
                _measure(self._waiting.popleft())

    def collect(self) -> Iterable[Metric]:
        """Nothing of its own."""
        self.measure()
        return ()

    def describe(self) -> Iterable[Metric]:
        """Nothing of its own."""
        return ()


# First: the registry asks in this order, and the metrics below must have every turn by then.
_turns_over = _TurnsOver()
REGISTRY.register(_turns_over)

LIVE_CALLS = Gauge("firstline_live_calls", "Calls whose audio this bridge carries")
CALLS = Counter("firstline_calls_total", "Streams ended", ["reason"])
FIRST_AUDIO = Histogram("firstline_first_audio_ms", "End of speech detected to first audio sent", buckets=_MS)
TURN_GAP = Histogram("firstline_turn_gap_ms", "Caller really stopped to first audio sent", buckets=_MS)
STAGE = Histogram("firstline_stage_ms", "One stage of a turn", ["stage"], buckets=_MS)
LOOKUPS = Counter("firstline_lookups_total", "Turns that needed passages, by how they came by them", ["how"])
SEARCHES_AHEAD = Counter(
    "firstline_searches_ahead_total", "Searches begun while the caller spoke, by their use", ["fate"]
)
LOOKUP_SAVED = Histogram(
    "firstline_lookup_saved_ms", "What of a turn's search the caller did not wait for", buckets=_MS
)
BARGE_INS = Counter("firstline_barge_ins_total", "Times a caller spoke over the agent and the agent stopped")
HAPPENED = Counter(
    "firstline_call_events_total", "Fillers, prompts into silence, back-channels and the like", ["event"]
)
SWALLOWED = Counter("firstline_swallowed_total", "Events that were counted and dropped", ["event", "detail"])
BAD_FRAMES = Counter("firstline_bad_frames_total", "Frames that Twilio would not send")
REFUSED_UPGRADES = Counter("firstline_refused_upgrades_total", "Media WebSocket upgrades refused", ["why"])
REFUSED_STREAMS = Counter("firstline_refused_streams_total", "Accepted sockets whose stream was not taken", ["why"])
CUT_SOCKETS = Counter("firstline_cut_sockets_total", "Sockets cut for flooding us or not reading", ["peer", "why"])
WEBHOOKS = Counter("firstline_webhooks_total", "Webhooks answered", ["path", "status"])
STATUSES_LOST = Counter("firstline_statuses_lost_total", "Carrier's statuses that the control plane was not there for")
TOOL_FAILURES = Counter("firstline_tool_failures_total", "Tool calls that could not do their work", ["tool", "why"])
GATE_DECISIONS = Counter("firstline_gate_decisions_total", "Decisions of the gate", ["effect", "allowed"])
SECOND_HEARINGS = Counter("firstline_second_hearings_total", "Turns written down a second time", ["found"])
MODEL_FAULTS = Counter(
    "firstline_model_faults_total",
    "Model sessions refused, failed or lost; kind `unretryable` needs an operator",
    ["lane", "kind", "code"],
)
MODEL_BREAKER = Gauge("firstline_model_breaker_state", "0 closed, 1 half-open, 2 open", ["lane"])
MODEL_RECONNECTS = Counter("firstline_model_reconnects_total", "Model sessions replaced during a call", ["why"])
MODEL_GAP = Histogram("firstline_model_gap_ms", "Model lost to the next one ready with the conversation", buckets=_MS)
SESSION_READY = Histogram("firstline_session_ready_ms", "Twilio's start to a configured model session", buckets=_MS)
WARM_SESSIONS = Counter("firstline_warm_sessions_total", "Model sessions as a stream found them", ["found"])
WARM_WAITING = Gauge("firstline_warm_sessions_waiting", "Configured model sessions that wait for a call")
RECORDINGS = Counter("firstline_recordings_total", "Recordings of turns, by what came of them", ["result"])
SPOOL_DEPTH = Gauge("firstline_spool_depth", "Facts on disk that the control plane does not have yet")
SPOOL_POISON = Counter("firstline_spool_poison_total", "Facts set aside because the control plane refuses them")
SPOOL_LOST = Counter("firstline_spool_lost_total", "Facts that could not be written to disk")


# Looked up once: to find a metric by its labels takes as long as to measure with it.
_stage, _lookups = cache(STAGE.labels), cache(LOOKUPS.labels)
_USED_AHEAD, _UNUSED_AHEAD = SEARCHES_AHEAD.labels("used"), SEARCHES_AHEAD.labels("unused")


def observe_turn(turn: Turn) -> None:
    """Measure a turn that is over: by the next scrape at the latest."""
    _turns_over.add(_Over(turn.timing, turn.lookup, turn.searches_ahead, turn.interrupted))


def _measure(turn: _Over) -> None:
    if turn.interrupted:
        BARGE_INS.inc()
    if turn.timing.first_audio_ms is not None:
        FIRST_AUDIO.observe(turn.timing.first_audio_ms)
    if turn.timing.turn_gap_ms is not None:
        TURN_GAP.observe(turn.timing.turn_gap_ms)
    for stage, ms in turn.timing.stages.items():
        _stage(stage).observe(ms)
    if turn.lookup is not Lookup.NONE:
        _lookups(turn.lookup.value).inc()
        LOOKUP_SAVED.observe(turn.timing.stages.get("retrieval_saved", 0.0))
    used = int(turn.lookup.used_ahead)
    _USED_AHEAD.inc(used)
    _UNUSED_AHEAD.inc(max(0, turn.searches_ahead - used))
