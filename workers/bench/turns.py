"""How long callers wait, measured on spoken questions through the running stack: two clocks, and each stage's share."""

import asyncio
import random
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import orjson
from rich.console import Console
from rich.table import Table
from temporalio.client import Client

from firstline.domain.turn import Lookup, Turn
from firstline.settings import Settings
from workers.phone_call import Caller, Phone
from workers.voices import VoiceOnDemand
from workers.wiring_store import converter

QUESTIONS = Path(__file__).resolve().parents[2] / "examples" / "questions" / "queries.jsonl"
TURNS_A_CALL = 5
SEED = 20


class Searching(StrEnum):
    """Whether the help centre is searched while the caller speaks."""

    ON = "on"
    OFF = "off"
    BOTH = "both"
    """Every call twice, with the same recordings."""


async def run_turns_bench(settings: Settings, turns: int, searching: Searching, console: Console) -> dict[str, Any]:
    """Phone with questions of the sample set, five a call, one call at a time, until `turns` were held each way.

    Raises `PhoneError`.
    """
    # More than asked for: a question that is not understood is handed to a person, and the rest of its call with it.
    asked = _questions(3 * turns)
    voice = VoiceOnDemand(settings)
    temporal = await Client.connect(
        settings.temporal_address,
        namespace=settings.temporal_namespace,
        data_converter=converter(settings),
    )
    ways = [way for way in (Searching.ON, Searching.OFF) if searching in (way, Searching.BOTH)]
    measured: dict[Searching, list[list[Turn]]] = {way: [] for way in ways}
    async with httpx.AsyncClient(base_url=settings.simulators_url, timeout=30, trust_env=False) as http:
        phone = Phone(settings, http, temporal)
        for begin in range(0, len(asked), TURNS_A_CALL):
            lines = [await _spoken(voice, text) for text in asked[begin : begin + TURNS_A_CALL]]
            for way in ways:
                url = f"{settings.bridge_url}/twilio/voice?speculate={int(way is Searching.ON)}"
                measured[way].append(await _call(phone, lines, url))
            held = min(sum(map(len, calls)) for calls in measured.values())
            console.print(f"  {held} turns of {turns}")
            if held >= turns:
                break
    if searching is Searching.BOTH:
        return compared(measured[Searching.ON], measured[Searching.OFF])
    return figures([turn for call in measured[searching] for turn in call])


def compared(on: Sequence[Sequence[Turn]], off: Sequence[Sequence[Turn]]) -> dict[str, Any]:
    """Both ways side by side, on the turns that were held both ways; `on[i]` and `off[i]` are the same call."""
    pairs = [pair for calls in zip(on, off, strict=True) for pair in zip(*calls, strict=False)]
    both = [(a.timing.first_audio_ms, b.timing.first_audio_ms) for a, b in pairs]
    sooner = np.array([b - a for a, b in both if a is not None and b is not None], dtype=float)
    return {
        "on": figures([turn for turn, _ in pairs]),
        "off": figures([turn for _, turn in pairs]),
        "paired_turns": len(sooner),
        "sooner_ms": {**_spread(sooner), "mean": round(float(sooner.mean()), 1)} if len(sooner) else None,
    }


async def _call(phone: Phone, lines: list[bytes], voice_url: str) -> list[Turn]:
    """The turns of one call, which ends where it is handed to a person."""
    sid = await phone.place(Caller(lines, options={"voice_url": voice_url}))
    leaving: list[asyncio.Task[None]] = []

    def on_event(event: dict[str, Any]) -> None:
        if event["event"] in {"conference_joined", "queue_joined"} and not leaving:
            leaving.append(asyncio.create_task(phone.hang_up(sid)))

    report = await phone.follow(sid, on_event=on_event)
    await asyncio.gather(*leaving)
    return report.turns


def figures(turns: Sequence[Turn]) -> dict[str, Any]:
    """The table; percentiles of stages are their own and add up to nothing (decisions.md, row 8)."""
    spoken = [turn for turn in turns if turn.timing.first_audio_ms is not None]
    first = np.array([turn.timing.first_audio_ms for turn in spoken], dtype=float)
    gaps = np.array([turn.timing.turn_gap_ms for turn in spoken], dtype=float)
    names = sorted({name for turn in spoken for name in turn.timing.stages})
    slow = [turn for turn in spoken if (turn.timing.first_audio_ms or 0.0) >= np.percentile(first, 95)]
    return {
        "turns": len(turns),
        "answered_turns": len(spoken),
        "first_audio_ms": _spread(first),
        "turn_gap_ms": _spread(gaps),
        "stages": {
            name: {
                **_spread(np.array([turn.timing.stages[name] for turn in spoken if name in turn.timing.stages])),
                "share_of_slowest": round(
                    sum(turn.timing.stages.get(name, 0.0) for turn in slow)
                    / sum(turn.timing.first_audio_ms or 0.0 for turn in slow),
                    2,
                ),
            }
            for name in names
        },
        "lookups": _lookups(turns),
    }


def _lookups(turns: Sequence[Turn]) -> dict[str, Any]:
    """How turns came by their passages, what searching ahead was good for, and what of it was for nothing."""
    needed = [turn for turn in turns if turn.lookup is not Lookup.NONE]
    used = [turn for turn in needed if turn.lookup.used_ahead]
    begun = sum(turn.searches_ahead for turn in turns)
    saved = np.array([turn.timing.stages.get("retrieval_saved", 0.0) for turn in needed], dtype=float)
    return {
        "turns_with_a_lookup": len(needed),
        **{how.value: sum(turn.lookup is how for turn in needed) for how in Lookup if how is not Lookup.NONE},
        "hit_rate": round(len(used) / len(needed), 3) if needed else None,
        "searches_ahead": begun,
        "waste": round((begun - len(used)) / begun, 3) if begun else None,
        "saved_ms": {**_spread(saved), "mean": round(float(saved.mean()), 1)} if needed else None,
    }


def show(report: dict[str, Any], console: Console) -> None:
    """On a terminal."""
    if "sooner_ms" not in report:
        _show(report, "", console)
        return
    _show(report["on"], "searching ahead: ", console)
    _show(report["off"], "not: ", console)
    if sooner := report["sooner_ms"]:
        console.print(
            f"Searching ahead, same {report['paired_turns']} turns: first audio [bold]{sooner['p50']:.0f} ms[/] sooner "
            f"at the median, {sooner['mean']:.0f} ms on average"
        )


def _show(report: dict[str, Any], way: str, console: Console) -> None:
    table = Table(title=f"{way}{report['answered_turns']} answered turns of {report['turns']}; ms")
    for head in ("", "p50", "p95", "share of first audio at the slowest turns"):
        table.add_column(head, justify="left" if not head else "right")
    for name in ("first_audio_ms", "turn_gap_ms"):
        table.add_row(name, f"{report[name]['p50']:.0f}", f"{report[name]['p95']:.0f}", "")
    for name, stage in report["stages"].items():
        table.add_row(f"  {name}", f"{stage['p50']:.0f}", f"{stage['p95']:.0f}", f"{stage['share_of_slowest']:.0%}")
    console.print(table)
    found = report["lookups"]
    if found["searches_ahead"]:
        console.print(
            f"Look-ups {found['turns_with_a_lookup']}: in the conversation {found['quoted']}, answered at once "
            f"{found['ahead']}, joined {found['joined']}, searched then {found['searched']}. Hit rate "
            f"[bold]{found['hit_rate']:.0%}[/], of {found['searches_ahead']} searches ahead {found['waste']:.0%} for "
            f"nothing, saved {found['saved_ms']['p50']:.0f} ms at the median"
        )


def _questions(count: int) -> list[str]:
    lines = [orjson.loads(line) for line in QUESTIONS.read_bytes().splitlines()]
    english = [line["question"] for line in lines if not any(gold.endswith("-es") for gold in line["gold_ids"])]
    # Seeded: two runs ask the same.
    return random.Random(SEED).sample(english, min(count, len(english)))


async def _spoken(voice: VoiceOnDemand, text: str) -> bytes:
    return b"".join([piece async for piece in voice.stream(text, "en")])


def _spread(values: "np.ndarray[Any, Any]") -> dict[str, float]:
    return {"p50": round(float(np.percentile(values, 50)), 1), "p95": round(float(np.percentile(values, 95)), 1)}
