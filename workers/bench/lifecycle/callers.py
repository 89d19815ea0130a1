"""Who phones: a seeded mix of people, and how those behave who are rung."""

import base64
import json
import random
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from firstline.simulators.mulaw import babble
from workers.bench.lifecycle.stage import REPS
from workers.bench.lifecycle.words import TEXT_MAX, spoken

QUESTIONS = Path(__file__).resolve().parents[3] / "examples" / "questions" / "queries.jsonl"
PERSON = "I would like to talk to a person, please."
CALL_BACK = "Please call me back in {seconds} seconds."
SENTENCE_MS = 1000
PATIENCE_MS = 400
GIVES_UP_MS, GIVES_UP_SOON_MS = 60_000, 20_000
"""On hold, in a queue or in silence; soon in a short run."""
HANGS_UP = 0.15
"""Share of callers who hang up at a random moment."""
SAID = 3
"""Times that a wish is said."""
CALL_BACK_SECONDS = (6, 15)


class Wish(StrEnum):
    """What a caller wants."""

    ANSWER = "answer"
    PERSON = "person"
    CALLBACK = "callback"


@dataclass(frozen=True)
class Caller:
    """One call."""

    number: str
    """Theirs alone: what is dialled to it was promised in this call."""
    wish: Wish
    at: float
    """Seconds into the run."""
    behaviour: dict[str, Any]
    """Keys of a simulated person."""
    hangs_up_after: float | None
    """Seconds; None stays as long as the behaviour says."""
    when_rung: list[dict[str, Any]] = field(default_factory=list)
    """One behaviour a dial, the last for ever after."""
    geography: dict[str, str] = field(default_factory=dict)


def draw(calls: int, seconds: float, rng: random.Random, busy: bool) -> list[Caller]:
    """The callers in the order of their calls, spread over so many seconds.

    `busy`: there is time: some of those who are rung back are busy at first, and people wait longer on hold.
    """
    questions = _questions()
    # The first three phone at once, and want one thing each.
    moments = sorted(rng.uniform(0, seconds) if n >= len(Wish) else 0.2 * n for n in range(calls))
    drawn = [_caller(number, at, rng, questions, busy) for number, at in enumerate(moments)]
    if not busy:
        for caller in drawn:
            caller.behaviour["give_up_ms"] = GIVES_UP_SOON_MS
    return drawn


def _caller(number: int, at: float, rng: random.Random, questions: list[str], busy: bool) -> Caller:
    # The first three want one thing each, so that the shortest run tries all of them.
    wish = list(Wish)[number] if number < len(Wish) else rng.choices(list(Wish), (35, 35, 30))[0]
    asks = rng.sample(questions, 2 if wish is Wish.ANSWER else rng.randint(0, int(number >= len(Wish))))
    wanted = {Wish.PERSON: PERSON, Wish.CALLBACK: CALL_BACK.format(seconds=rng.randint(*CALL_BACK_SECONDS))}
    # Said again: who is told that it cannot be done now asks once more, and who was promised it is not promised twice.
    says = [*asks, *([wanted[wish]] * SAID if wish in wanted else [])]
    behaviour = {
        "turns": [_sound(text) for text in says],
        "patience_ms": PATIENCE_MS,
        "hang_up": "after_person" if wish is Wish.PERSON else "after_answer",
        "hang_up_patience_ms": 1200,
        "give_up_ms": GIVES_UP_MS,
    }
    leaves = rng.random() < HANGS_UP and number >= len(Wish)
    return Caller(
        number=f"+1202555{number:04d}" if number < 9900 else f"+1212555{number - 9900:04d}",
        wish=wish,
        at=at,
        behaviour=behaviour,
        hangs_up_after=rng.uniform(1, 20) if leaves else None,
        when_rung=_when_rung(rng, questions, busy) if wish is Wish.CALLBACK else [],
    )


def _when_rung(rng: random.Random, questions: list[str], busy: bool) -> list[dict[str, Any]]:
    """Somebody who answers in the end, perhaps not at the first time."""
    answers = {
        "ring_ms": rng.randint(300, 1500),
        "turns": [_sound(rng.choice(questions))],
        "patience_ms": PATIENCE_MS,
        "hang_up_patience_ms": 1200,
        "give_up_ms": GIVES_UP_MS,
    }
    first = rng.choices(("answers", "busy", "machine"), (60, 20, 20) if busy else (1, 0, 0))[0]
    before = {
        "busy": [{"answer": "declines", "ring_ms": 500}],
        "machine": [{"machine": True, "ring_ms": 500, "turns": [], "hang_up": "never", "give_up_ms": 30_000}],
    }
    return [*before.get(first, []), answers]


def reps(rng: random.Random, calls: int) -> dict[str, list[dict[str, Any]]]:
    """Number -> behaviours of the people who take calls: most accept, some decline, some do not pick up."""
    greeting = base64.b64encode(babble(1200)).decode("ascii")
    mhm = base64.b64encode(babble(300)).decode("ascii")

    def behaviour() -> dict[str, Any]:
        answer = rng.choices(("answers", "declines", "never"), (75, 15, 10))[0]
        return {
            "answer": answer,
            "ring_ms": rng.randint(300, 1500),
            "presses_after_ms": 300,
            "turns": [greeting, *[mhm] * SAID],
            "patience_ms": 200,
            "speaks_first": True,
            "hang_up": "never",
            "give_up_ms": GIVES_UP_MS,
        }

    return {number: [behaviour() for _ in range(calls)] for number in REPS}


def _sound(text: str) -> str:
    return base64.b64encode(spoken(text, SENTENCE_MS)).decode("ascii")


def _questions() -> list[str]:
    lines = [json.loads(line) for line in QUESTIONS.read_text("utf-8").splitlines()]
    asked = [line["question"] for line in lines if not any(gold.endswith("-es") for gold in line["gold_ids"])]
    return [text for text in asked if text.endswith("?") and len(text.encode()) <= TEXT_MAX]
