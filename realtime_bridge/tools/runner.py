"""Runs a tool beside the audio loop: validates, asks the gate, asks the control plane, answers the model."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import orjson
import structlog

from firstline.domain.call import CallStarted, TranscriptLine
from firstline.domain.gate import Evidence, HandoffReason, decide_handoff
from firstline.domain.handoff import SUMMARY_MAX, HandoffRequest
from firstline.domain.passages import SearchResult
from firstline.names import UPDATE_DEADLINE
from firstline.ports import CallControl, Knowledge, PortError, Rejected
from firstline.prompts import language_pack
from realtime_bridge.metrics import GATE_DECISIONS, TOOL_FAILURES
from realtime_bridge.protocol.commands import RunTool, ToolAnswer
from realtime_bridge.protocol.passages import look_up_answer
from realtime_bridge.tools.callbacks import Callbacks
from realtime_bridge.tools.schemas import BadArguments, parse_arguments

log = structlog.get_logger()

TRANSCRIPT_WAIT = 1.5
"""Seconds the gate waits for the caller's words: on the native lane they arrive after the model has acted on them."""
PASSAGES = 5


class CallFacts(Protocol):
    """What a tool may know of the live call; `CallSession` is one."""

    @property
    def caller_text(self) -> str: ...
    @property
    def confidence(self) -> float | None: ...
    @property
    def chunk_ids(self) -> list[str]: ...
    @property
    def lines(self) -> list[tuple[str, str]]: ...
    @property
    def language(self) -> str: ...


@dataclass
class ToolRunner:
    """The three tools of one call."""

    start: CallStarted
    facts: CallFacts
    knowledge: Knowledge
    control: CallControl
    zone: ZoneInfo
    transcript: Callable[[], Awaitable[None]]
    """Returns once the caller's last words are transcribed."""

    def __post_init__(self) -> None:
        self.callbacks = Callbacks(self.start, self.facts, self.control, self.zone)

    async def run(self, tool: RunTool) -> ToolAnswer:
        """The tool's answer; never raises: a failure is an answer the model can speak from."""
        pack = language_pack(self.facts.language)
        try:
            arguments = parse_arguments(tool.name, tool.arguments)
        except BadArguments as problem:
            TOOL_FAILURES.labels(tool.name, "bad_arguments").inc()
            log.warning("tool_arguments_invalid", call_sid=self.start.call_sid, tool=tool.name)
            return _answer(error=pack.arguments_invalid.format(why=problem))
        handler = {"lookup_article": self._lookup, "handoff_to_human": self._handoff}.get(tool.name, self._callback)
        try:
            return await handler(arguments)
        except Exception:  # the caller is waiting: whatever broke, the agent must be able to say something
            TOOL_FAILURES.labels(tool.name, "crashed").inc()
            log.exception("tool_crashed", call_sid=self.start.call_sid, tool=tool.name)
            return _answer(error=pack.lookup_failed, say=pack.lookup_failed)

    async def _lookup(self, arguments: dict[str, Any]) -> ToolAnswer:
        try:
            return look_up_answer(await self.search(arguments["query"]))
        except PortError:
            TOOL_FAILURES.labels("lookup_article", "unreachable").inc()
            log.warning("lookup_failed", call_sid=self.start.call_sid)
            say = language_pack(self.facts.language).lookup_failed
            return _answer(error="the help centre cannot be reached", say=say)

    async def search(self, query: str) -> SearchResult:
        """The passages for a question in the call's language. Raises `PortError`."""
        return await self.knowledge.search(query, k=PASSAGES, language=self.facts.language)

    async def _handoff(self, arguments: dict[str, Any]) -> ToolAnswer:
        await self._transcribed()
        pack = language_pack(self.facts.language)
        claimed, model_confidence = HandoffReason(arguments["reason"]), float(arguments["confidence"])
        evidence = Evidence(self.facts.caller_text, self.facts.confidence, claimed, model_confidence)
        decision = decide_handoff(evidence)
        GATE_DECISIONS.labels("handoff", str(decision.allowed).lower()).inc()
        if not decision.allowed:
            log.info("handoff_refused_by_gate", call_sid=self.start.call_sid, claimed=claimed.value)
            return _answer(accepted=False, why=decision.why, say=pack.handoff_refused, _model=model_confidence)
        request = HandoffRequest(
            call_sid=self.start.call_sid,
            evidence=evidence,
            language=self.facts.language,
            summary=str(arguments["call_state"]["transcript_summary"])[:SUMMARY_MAX],
            chunk_ids=self.facts.chunk_ids,
            transcript=[TranscriptLine(who, text) for who, text in self.facts.lines],
        )
        try:
            accepted = await self.control.request_handoff(self.start, request, UPDATE_DEADLINE.total_seconds())
        except Rejected as refusal:
            return _answer(accepted=False, why=str(refusal), say=pack.handoff_refused, _model=model_confidence)
        except PortError:
            TOOL_FAILURES.labels("handoff_to_human", "unreachable").inc()
            log.warning("handoff_not_durable", call_sid=self.start.call_sid)
            return _answer(accepted=False, why="the control plane did not answer", say=pack.handoff_unavailable)
        reason = accepted.decision.reason or HandoffReason.LOW_CONFIDENCE
        log.info("handoff_accepted", call_sid=self.start.call_sid, reason=reason.value, already=accepted.already)
        return _answer(
            accepted=True, reason=reason.value, say=pack.handoff_accepted, _model=model_confidence, _farewell=True
        )

    async def _callback(self, arguments: dict[str, Any]) -> ToolAnswer:
        return _answer(**await self.callbacks.schedule(arguments))

    async def _transcribed(self) -> None:
        try:
            await asyncio.wait_for(self.transcript(), TRANSCRIPT_WAIT)
        except TimeoutError:
            log.warning("gate_without_transcript", call_sid=self.start.call_sid)


def _answer(_model: float | None = None, _farewell: bool = False, **output: object) -> ToolAnswer:
    return ToolAnswer(orjson.dumps(output).decode(), model_confidence=_model, farewell=_farewell)
