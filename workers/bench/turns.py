"""How long callers wait, measured on spoken questions through the running stack: two clocks, and each stage's share."""

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import orjson
from rich.console import Console
from rich.table import Table
from temporalio.client import Client

from firstline.domain.turn import Turn
from firstline.settings import Settings
from workers.phone_call import Caller, Phone
from workers.voices import VoiceOnDemand
from workers.wiring import converter

QUESTIONS = Path(__file__).resolve().parents[2] / "examples" / "questions" / "queries.jsonl"
TURNS_A_CALL = 5
SEED = 20


async def run_turns_bench(settings: Settings, turns: int, console: Console) -> dict[str, Any]:
    """Phone with questions of the sample set, five a call, one call at a time, until `turns` were held.

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
    measured: list[Turn] = []
    async with httpx.AsyncClient(base_url=settings.simulators_url, timeout=30, trust_env=False) as http:
        phone = Phone(settings, http, temporal)
        for begin in range(0, len(asked), TURNS_A_CALL):
            lines = [await _spoken(voice, text) for text in asked[begin : begin + TURNS_A_CALL]]
            measured += await _call(phone, lines)
            console.print(f"  {len(measured)} turns of {turns}")
            if len(measured) >= turns:
                break
    return figures(measured)


async def _call(phone: Phone, lines: list[bytes]) -> list[Turn]:
    """The turns of one call, which ends where it is handed to a person."""
    sid = await phone.place(Caller(lines))
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
    }


def show(report: dict[str, Any], console: Console) -> None:
    """On a terminal."""
    table = Table(title=f"{report['answered_turns']} answered turns of {report['turns']}; ms")
    for head in ("", "p50", "p95", "share of first audio at the slowest turns"):
        table.add_column(head, justify="left" if not head else "right")
    for name in ("first_audio_ms", "turn_gap_ms"):
        table.add_row(name, f"{report[name]['p50']:.0f}", f"{report[name]['p95']:.0f}", "")
    for name, stage in report["stages"].items():
        table.add_row(f"  {name}", f"{stage['p50']:.0f}", f"{stage['p95']:.0f}", f"{stage['share_of_slowest']:.0%}")
    console.print(table)


def _questions(count: int) -> list[str]:
    lines = [orjson.loads(line) for line in QUESTIONS.read_bytes().splitlines()]
    english = [line["question"] for line in lines if not any(gold.endswith("-es") for gold in line["gold_ids"])]
    # Seeded: two runs ask the same.
    return random.Random(SEED).sample(english, min(count, len(english)))


async def _spoken(voice: VoiceOnDemand, text: str) -> bytes:
    return b"".join([piece async for piece in voice.stream(text, "en")])


def _spread(values: "np.ndarray[Any, Any]") -> dict[str, float]:
    return {"p50": round(float(np.percentile(values, 50)), 1), "p95": round(float(np.percentile(values, 95)), 1)}
