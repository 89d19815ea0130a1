"""Phones the running bridge through the simulated carrier and follows the call on both planes."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.service import RPCError

from firstline import names
from firstline.domain.call_state import CallClosed
from firstline.domain.turn import Turn
from firstline.settings import Settings

POLL_SECONDS = 0.3
CLOSE_SECONDS = 60.0
"""How long after the hang-up a call's workflow may take to close."""


class PhoneError(Exception):
    """The call could not be placed or followed; the message says what to start or fix."""


@dataclass
class CallReport:
    """What became of a call; what `firstline call --json` prints."""

    call_sid: str
    outcome: str = ""
    """One of the disjoint outcomes; empty when the workflow could not be asked."""
    greeting_ms: int | None = None
    """Answered -> first agent audio heard by the caller, ms of the carrier's clock."""
    turns: list[Turn] = field(default_factory=list)
    timeline: list[str] = field(default_factory=list)
    trace_url: str = ""
    workflow_url: str = ""
    recording: str = ""

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


@dataclass
class Caller:
    """Who phones: their number and what they say, one µ-law recording a turn."""

    turns: Sequence[bytes]
    from_number: str = "+15550100999"
    options: dict[str, Any] = field(default_factory=dict)
    """Further keys of a simulated person, e.g. `hang_up`."""


class Phone:
    """The simulated carrier's control API and the control plane, side by side."""

    def __init__(self, settings: Settings, http: httpx.AsyncClient, temporal: Client | None) -> None:
        self._settings = settings
        self._http = http
        self._temporal = temporal

    async def place(self, caller: Caller) -> str:
        """Ring the bridge; returns the CallSid. Raises `PhoneError`."""
        body = {
            "from": caller.from_number,
            "to": self._settings.line_number,
            "voice_url": f"{self._settings.bridge_url}/twilio/voice",
            "turns": [base64.b64encode(turn).decode("ascii") for turn in caller.turns],
            **caller.options,
        }
        try:
            response = await self._http.post("/sim/calls", json=body)
        except httpx.HTTPError as error:
            raise PhoneError(
                f"no simulated carrier at {self._settings.simulators_url}: start `firstline up` first"
            ) from error
        if response.status_code != 201:
            raise PhoneError(f"the simulated carrier refused the call: {response.text.strip()}")
        return str(response.json()["sid"])

    async def hang_up(self, call_sid: str) -> None:
        """The caller hangs up now."""
        await self._http.post(f"/sim/calls/{call_sid}/hangup")

    async def events(self, call_sid: str) -> AsyncIterator[dict[str, Any]]:
        """The carrier's events of a call, until it is over."""
        async with self._http.stream("GET", f"/sim/calls/{call_sid}/events", timeout=None) as response:
            async for line in response.aiter_lines():
                if line.strip():
                    yield json.loads(line)

    async def state(self) -> dict[str, Any]:
        """The carrier's calls, conferences and queues."""
        state: dict[str, Any] = (await self._http.get("/sim/state")).json()
        return state

    async def get(self, path: str) -> Any:
        """JSON of any of the simulators' endpoints."""
        return (await self._http.get(path)).json()

    async def put(self, path: str, body: object) -> None:
        """Set something in the simulators. Raises `PhoneError`."""
        response = await self._http.put(path, json=body)
        if response.is_error:
            raise PhoneError(f"{path}: {response.text.strip()}")

    async def record(self, call_sid: str, to: Path) -> None:
        """Keep both sides of a call: left the caller, right what the caller heard."""
        wav = (await self._http.get(f"/sim/calls/{call_sid}/recording.wav")).content
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(wav)

    async def follow(
        self,
        call_sid: str,
        *,
        on_event: Callable[[dict[str, Any]], None] = lambda event: None,
        on_turn: Callable[[Turn], None] = lambda turn: None,
    ) -> CallReport:
        """Watch a call to its end and to its workflow's end."""
        report = CallReport(call_sid, workflow_url=self._workflow_url(names.call_workflow_id(call_sid)))
        turns = asyncio.create_task(self._watch_turns(call_sid, report, on_turn))
        async for event in self.events(call_sid):
            if event["event"] == "agent_audio_started" and report.greeting_ms is None:
                report.greeting_ms = int(event["line_ms"])
            on_event(event)
        try:
            await asyncio.wait_for(turns, CLOSE_SECONDS)
        except TimeoutError:
            report.outcome = ""
        return report

    async def _watch_turns(self, call_sid: str, report: CallReport, on_turn: Callable[[Turn], None]) -> None:
        if self._temporal is None:
            return
        handle = self._temporal.get_workflow_handle(names.call_workflow_id(call_sid), result_type=CallClosed)
        closing = asyncio.create_task(self._closed(handle))
        while not closing.done():
            await self._news(handle, report, on_turn)
            await asyncio.wait({closing}, timeout=POLL_SECONDS)
        await self._news(handle, report, on_turn)
        closed = closing.result()
        if closed is not None:
            report.outcome, report.trace_url = closed.outcome.value, closed.trace_url

    @staticmethod
    async def _closed(handle: WorkflowHandle[Any, CallClosed]) -> CallClosed | None:
        while True:
            try:
                return await handle.result()
            except WorkflowFailureError:
                return None
            except RPCError:  # not started yet: its first fact is on its way
                await asyncio.sleep(POLL_SECONDS)

    @staticmethod
    async def _news(
        handle: WorkflowHandle[Any, CallClosed], report: CallReport, on_turn: Callable[[Turn], None]
    ) -> None:
        try:
            turns = await handle.query(names.TURNS_QUERY, result_type=list[Turn])
            report.timeline = await handle.query(names.TIMELINE_QUERY, result_type=list[str])
        except RPCError:
            return
        for turn in turns[len(report.turns) :]:
            report.turns.append(turn)
            on_turn(turn)

    def _workflow_url(self, workflow_id: str) -> str:
        base = f"{self._settings.temporal_ui_url}/namespaces/{self._settings.temporal_namespace}/workflows"
        return f"{base}/{workflow_id}"
