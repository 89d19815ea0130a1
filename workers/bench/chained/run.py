"""The run: the chained lane in this process, its chat model beside it on the loopback, one caller at a time."""

import asyncio
import os
import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from firstline.adapters.chat_model import ChatModel
from firstline.serving import listen
from firstline.settings import Settings
from firstline.simulators.chat_model import USUAL, ChatSimulator, Pace
from firstline.speech.engine import SpeechEngine
from firstline.speech.server import serve
from workers.bench.chained.caller import Caller, NoAnswer, Question
from workers.bench.turns import QUESTIONS, SEED
from workers.processes import speech
from workers.voices import VoiceOnDemand

CALL_OF = 5
"""Questions in one call."""
PASSAGE_CHARACTERS = 1500

Told = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What is measured."""

    questions: int
    answerers: tuple[str, ...]
    """`embedded`, `chat`."""
    ahead: bool
    """What a search finds is there before the question is over, as the bridge has it; else the model asks for it."""
    pace: Pace = USUAL


async def run_chained_bench(settings: Settings, plan: Plan, told: Told) -> dict[str, Any]:
    """Every question spoken to each answerer; percentiles of first audio and of each stage."""
    questions = await _spoken(settings, plan.questions)
    engine = await asyncio.to_thread(speech.load, settings)
    simulator = ChatSimulator(pace=plan.pace)
    chat = await listen(simulator.app(), "127.0.0.1", 0)
    model = ChatModel("simulated", "none", f"http://127.0.0.1:{chat.port}")
    answerers = {"embedded": engine.answerer, "chat": model}
    try:
        measured = {}
        for name in plan.answerers:
            told(f"{name}: {len(questions)} questions")
            lane = SpeechEngine(engine.transcriber, engine.speaker, answerers[name])
            measured[name] = await _measured(lane, questions, plan.ahead, told)
    finally:
        await model.aclose()
        await chat.close()
        engine.close()
    first, late = plan.pace.first_token_ms
    return {
        "questions": len(questions),
        "lookup": "ahead" if plan.ahead else "asked",
        "chat_model": {"first_token_ms": {"p50": first, "p95": late}, "tokens_a_second": plan.pace.tokens_a_second},
        "whisper": settings.whisper_model,
        "load_average": round(os.getloadavg()[0], 1),
        "answerers": measured,
    }


async def _measured(engine: SpeechEngine, questions: list[Question], ahead: bool, told: Told) -> dict[str, Any]:
    stages: dict[str, list[float]] = defaultdict(list)
    server = await serve(engine, record=lambda stage, ms: stages[stage].append(ms))
    first_audio: list[float] = []
    unanswered = 0
    try:
        for begin in range(0, len(questions), CALL_OF):
            caller = await Caller.dial(server.url, ahead)
            for question in questions[begin : begin + CALL_OF]:
                try:
                    first_audio.append(await caller.ask(question))
                except NoAnswer:
                    unanswered += 1
            await caller.hang_up()
            told(f"  {len(first_audio)} of {len(questions)} answered")
    finally:
        await server.close()
    return {
        "answered": len(first_audio),
        "unanswered": unanswered,
        "first_audio_ms": _spread(first_audio),
        "stages": {name: _spread(values) for name, values in sorted(stages.items()) if name != "first_audio"},
    }


async def _spoken(settings: Settings, count: int) -> list[Question]:
    """English questions of the sample set, in a seeded order, spoken by the local voice."""
    articles = {article["id"]: article for article in _lines("corpus.jsonl")}
    asked = [line for line in _lines("queries.jsonl") if line["lang"] == "en" and line["gold_ids"]]
    chosen = random.Random(SEED).sample(asked, min(count, len(asked)))
    voice = VoiceOnDemand(settings.model_copy(update={"voice_engine": "piper"}))
    return [
        Question(
            line["question"],
            b"".join([piece async for piece in voice.stream(line["question"], "en")]),
            _found(articles[line["gold_ids"][0]]),
        )
        for line in chosen
    ]


def _lines(name: str) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in (QUESTIONS.parent / name).read_bytes().splitlines()]


def _found(article: dict[str, Any]) -> dict[str, Any]:
    passage = {
        "chunk_id": "kb_0123456789ab",
        "article_id": article["id"],
        "title": article["title"],
        "heading": "",
        "text": article["body_markdown"][:PASSAGE_CHARACTERS],
    }
    return {"passages": [passage], "confidence": 0.9}


def _spread(values: list[float]) -> dict[str, float]:
    if not values:
        return {"count": 0, "p50": float("nan"), "p95": float("nan")}
    p50, p95 = (round(float(np.percentile(values, share)), 1) for share in (50, 95))
    return {"count": len(values), "p50": p50, "p95": p95}
