"""The demo: the embedded stack, three real phone calls, and whether each did what it should."""

import asyncio
import base64
import os
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from temporalio.client import Client

from firstline import names
from firstline.domain.callback import CallbackResult
from firstline.ports import Voice
from firstline.settings import Settings
from workers.phone_call import Caller, CallReport, Phone
from workers.show import show_event, show_report, show_turn
from workers.until_told import until_told
from workers.up import running_stack, show_places
from workers.voices import VoiceOnDemand
from workers.wiring_store import converter

SCRIPT = Path(__file__).resolve().parent.parent / "demo" / "calls.toml"
CALLBACK_SECONDS = 180.0
"""A callback promised for one minute from now has rung and ended long before this."""


@dataclass(frozen=True)
class Scene:
    """One scripted call of `demo/calls.toml`."""

    name: str
    title: str
    turns: list[str]
    expect_outcome: str
    expect_article: str = ""
    callee: str = ""
    rep: str = ""


def scenes() -> list[Scene]:
    """The calls of the demo, in order."""
    return [Scene(**entry) for entry in tomllib.loads(SCRIPT.read_text("utf-8"))["calls"]]


class Demo:
    """Plays the scenes one after the other; `problems` collects what did not happen."""

    def __init__(self, settings: Settings, console: Console, phone: Phone, temporal: Client, voice: Voice) -> None:
        self._settings = settings
        self._console = console
        self._phone = phone
        self._temporal = temporal
        self._voice = voice
        self._began = float(os.environ.get("FIRSTLINE_DEMO_BEGAN", time.time()))
        self._heard_at: float | None = None
        self.problems: list[str] = []

    async def play(self, number: int, scene: Scene) -> CallReport:
        """Place one call, show it live, check it; the report is of the call that the scene begins with."""
        self._console.rule(f"call {number}: {scene.title}")
        caller = Caller([await self._speak(turn) for turn in scene.turns], f"+1555010090{number}")
        if scene.callee:
            await self._behaves(caller.from_number, turns=[_b64(await self._speak(scene.callee))])
        if scene.rep:
            caller.options["hang_up"] = "after_person"
            for rep in self._settings.reps:
                line = _b64(await self._speak(scene.rep))
                await self._behaves(rep, turns=[line], speaks_first=True, hang_up="never")
        sid = await self._phone.place(caller)
        report = await self._follow(sid, scene.name)
        self._check(scene, scene.name, report.outcome == scene.expect_outcome, f"the outcome is {report.outcome!r}")
        if scene.expect_article:
            found = report.turns[0].article_ids[:1] if report.turns else []
            self._check(scene, scene.name, found == [scene.expect_article], f"the first article is {found}")
        if scene.expect_outcome == "transferred":
            await self._check_handoff(scene, sid)
        if scene.callee and report.outcome == scene.expect_outcome:
            await self._callback(scene, sid, caller.from_number)
        return report

    async def _behaves(self, number: str, **behaviour: object) -> None:
        await self._phone.put(f"/sim/people/{number}", {"ring_ms": 1500, **behaviour})

    async def _speak(self, text: str) -> bytes:
        return b"".join([piece async for piece in self._voice.stream(text, "en")])

    async def _follow(self, sid: str, name: str) -> CallReport:
        report = await self._phone.follow(
            sid, on_event=self._event, on_turn=lambda turn: show_turn(self._console, turn)
        )
        recording = self._settings.home / "demo" / f"{name}.wav"
        await self._phone.record(sid, recording)
        report.recording = str(recording)
        show_report(self._console, report)
        return report

    def _event(self, event: dict[str, Any]) -> None:
        if event["event"] == "agent_audio_started" and self._heard_at is None:
            self._heard_at = time.time()
            took = self._heard_at - self._began
            self._console.print(f"    [bold]first agent audio, {took:.1f} s after the command[/]")
        show_event(self._console, event)

    async def _check_handoff(self, scene: Scene, sid: str) -> None:
        incidents = [
            incident
            for incident in (await self._phone.get("/sim/incidents"))["incidents"]
            if incident["dedup_key"] == names.handoff_workflow_id(sid)
        ]
        self._check(scene, "page", len(incidents) == 1, f"PagerDuty holds {len(incidents)} incidents of this call")
        for incident in incidents:
            self._console.print(f"    [yellow]page[/]    {incident['summary']}")
            self._check(scene, "page", bool(incident["summary"] and incident["links"]), "summary or link is missing")
        conferences = [c for c in (await self._phone.state())["conferences"] if c["name"] == names.conference_name(sid)]
        self._check(scene, "conference", len(conferences) == 1, f"{len(conferences)} conferences were held")

    async def _callback(self, scene: Scene, promised_in: str, number: str) -> None:
        self._console.print("    [dim]waiting for the durable timer to ring the caller …[/]")
        handle = self._temporal.get_workflow_handle(names.callback_workflow_id(promised_in), result_type=CallbackResult)
        dialled = await self._dialled(number)
        if dialled is None:
            self._check(scene, "callback", False, "the phone never rang")
            return
        self._console.print("    [bold]the phone rings[/]")
        report = await self._follow(dialled, f"{scene.name}-kept")
        result = await asyncio.wait_for(handle.result(), CALLBACK_SECONDS)
        calls = await self._outbound(number)
        self._check(scene, "callback", len(calls) == 1, f"the carrier placed {len(calls)} outbound calls")
        self._check(scene, "callback", result.state == "answered", f"the callback ended {result.state!r}")
        self._check(scene, "callback", report.greeting_ms is not None, "the agent said nothing")

    async def _dialled(self, number: str) -> str | None:
        deadline = time.monotonic() + CALLBACK_SECONDS
        while time.monotonic() < deadline:
            if calls := await self._outbound(number):
                return str(calls[0]["sid"])
            await asyncio.sleep(0.5)
        return None

    async def _outbound(self, number: str) -> list[dict[str, Any]]:
        calls = (await self._phone.state())["calls"]
        return [call for call in calls if call["to"] == number and call["direction"].startswith("outbound")]

    def _check(self, scene: Scene, what: str, held: bool, otherwise: str) -> None:
        if not held:
            self.problems.append(f"{scene.name}: {what}: {otherwise}")
            self._console.print(f"    [red]✗ {what}: {otherwise}[/]")


def _b64(audio: bytes) -> str:
    return base64.b64encode(audio).decode("ascii")


async def run_demo(settings: Settings, console: Console, *, stay: bool) -> int:
    """The whole demo; returns the exit code: 0 only if every call did what it should."""
    console.print("[bold]firstline[/] starting everything on this machine …")
    async with running_stack(settings, console):
        show_places(settings, console)
        temporal = await Client.connect(
            settings.temporal_address,
            namespace=settings.temporal_namespace,
            data_converter=converter(settings),
        )
        async with httpx.AsyncClient(base_url=settings.simulators_url, timeout=10, trust_env=False) as http:
            demo = Demo(settings, console, Phone(settings, http, temporal), temporal, VoiceOnDemand(settings))
            for number, scene in enumerate(scenes(), 1):
                await demo.play(number, scene)
        console.rule()
        _tell(demo.problems, settings, console)
        if stay:
            console.print("Everything stays up for you to look at; Ctrl-C ends it.")
            await until_told()
    return 1 if demo.problems else 0


def _tell(problems: list[str], settings: Settings, console: Console) -> None:
    told: Callable[[str], None] = console.print
    if problems:
        told(f"[bold red]{len(problems)} things did not happen:[/]")
        for problem in problems:
            told(f"  [red]✗[/] {problem}")
    else:
        told("[bold green]All three calls did what they should.[/]")
    told(f"Listen: {settings.home / 'demo'}   Look: {settings.temporal_ui_url}")
