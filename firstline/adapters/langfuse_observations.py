"""A finished call as Langfuse shows it: the call, its turns as generations, their tools and searches, the handoff.

No phone number leaves by this way: the caller is a keyed hash, and what looks like a number in anybody's words is
blanked. A number spelled out in words ("five five five") is not recognised.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from firstline.domain.call import Outcome
from firstline.domain.turn import ToolUse, Turn, Usage
from firstline.ports import CallRecord

ROOT = "call"
LOOKUP_TOOL, HANDOFF_TOOL = "lookup_article", "handoff_to_human"
# 9 to 15 digits as people write numbers; neither a date nor a decimal fraction.
_NUMBER = re.compile(
    r"(?<![\w.])(?!\d{4}-\d\d-\d\d)(?!\d+\.\d+(?![\d.]))(?:\+\d{7,15}|\(?\d(?:[ ().-]{0,2}\d){8,14})(?!\w)"
)


class Kind(StrEnum):
    """Langfuse's types of observations, as far as a call has them."""

    AGENT = "agent"
    SPAN = "span"
    GENERATION = "generation"
    TOOL = "tool"
    RETRIEVER = "retriever"


@dataclass(frozen=True)
class Observation:
    """A node of the tree. `path` names it within its call for ever: its span id is made from it."""

    path: str
    parent: str
    """Path of the node above; empty for the root."""
    kind: Kind
    name: str
    began: datetime
    ended: datetime
    input: Any = None
    output: Any = None
    warning: str = ""
    """Why it is worth a look; empty: level DEFAULT."""
    model: str = ""
    usage: Mapping[str, int] = field(default_factory=dict)
    usd: float | None = None
    """None where it is not known, which is not nothing."""
    first_output: datetime | None = None
    """Generations: when the caller heard the first of it."""
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Model:
    """What answered the turns, and what its tokens cost in USD (None: unknown)."""

    name: str
    price: Callable[[Usage], float | None] = lambda usage: None


def observations(record: CallRecord, model: Model, audio: Mapping[str, str]) -> Iterator[Observation]:
    """The tree, parents first. `audio` is object key -> Langfuse's media reference."""
    began = datetime.fromisoformat(record.start.started_at)
    turns = list(_turns(record, model, audio, began))
    ended = max([datetime.fromisoformat(record.ended_at), *(node.ended for node in turns)])
    yield Observation(
        ROOT,
        "",
        Kind.AGENT,
        ROOT,
        began,
        ended,
        input=next((turn.caller_text for turn in record.turns if turn.caller_text), None),
        output={"outcome": record.outcome.value, "callback_at": record.callback_at or None},
        warning="; ".join(f"{flag.kind.value}: {flag.detail}" for flag in record.flags if flag.turn == 0),
        metadata={
            "direction": record.start.direction.value,
            "language": record.language,
            "turns": len(record.turns),
            "timeline": record.timeline,
        },
    )
    yield from turns
    if record.handoff_reason:
        yield _handoff(record, turns, ended)


def usage_details(usage: Usage) -> dict[str, int]:
    """Tokens by name. Langfuse adds the names up, so cached tokens, a part of the input, are taken out of it."""
    whole = usage.input_text + usage.input_audio
    if not (whole or usage.output_text or usage.output_audio):
        return {}
    cached = min(usage.cached, whole)
    return {
        "input": whole - cached,
        "input_cached_tokens": cached,
        "output": usage.output_text,
        "output_audio_tokens": usage.output_audio,
        "total": whole + usage.output_text + usage.output_audio,
    }


def without_numbers(value: Any) -> Any:
    """The same text or JSON value with every phone number blanked."""
    if isinstance(value, str):
        return _NUMBER.sub("[number]", value)
    if isinstance(value, Mapping):
        return {key: without_numbers(inner) for key, inner in value.items()}
    return [without_numbers(inner) for inner in value] if isinstance(value, list) else value


def _turns(record: CallRecord, model: Model, audio: Mapping[str, str], since: datetime) -> Iterator[Observation]:
    """Every turn and what is below it; a turn without times of its own follows the one before."""
    for place, turn in enumerate(record.turns, 1):
        began = _moment(turn.timing.stopped_at, since)
        waited = turn.timing.first_audio_ms
        heard = None if waited is None else began + timedelta(milliseconds=waited)
        path = f"turn-{place}"
        tools = list(_tools(path, turn, began))
        ended = max([_moment(turn.timing.ended_at, heard or began), *(tool.ended for tool in tools), heard or began])
        warning = "; ".join(f"{flag.kind.value}: {flag.detail}" for flag in record.flags if flag.turn == turn.number)
        yield Observation(
            path,
            ROOT,
            Kind.GENERATION,
            f"turn {turn.number}",
            began,
            ended,
            input=_words(turn.caller_text, audio.get(turn.audio.caller)),
            output=_words(turn.agent_text, audio.get(turn.audio.agent)),
            warning=warning,
            model=model.name,
            usage=(usage := usage_details(turn.usage)),
            usd=model.price(turn.usage) if usage else None,
            first_output=heard,
            metadata=_about(turn),
        )
        yield from tools
        since = ended


def _about(turn: Turn) -> dict[str, Any]:
    return {
        "confidence": turn.confidence,
        "model_confidence": turn.model_confidence,
        "language": turn.language,
        "interrupted": turn.interrupted,
        "articles": turn.article_ids,
        "turn_gap_ms": turn.timing.turn_gap_ms,
        "stages_ms": turn.timing.stages,
        "input_text_tokens": turn.usage.input_text,
        "input_audio_tokens": turn.usage.input_audio,
    }


def _tools(path: str, turn: Turn, stopped: datetime) -> Iterator[Observation]:
    """The turn's tools. When the first was asked for is known; the others are shown one behind the other."""
    stages = turn.timing.stages
    began = stopped + timedelta(milliseconds=stages.get("decision", 0.0))
    searched = False
    for place, use in enumerate(turn.tools, 1):
        ended = began + timedelta(milliseconds=max(use.ms, 0.0))
        tool = f"{path}/tool-{place}"
        yield Observation(
            tool, path, Kind.TOOL, use.name, began, ended, input=_json(use.arguments), output=_json(use.output)
        )
        if use.name == LOOKUP_TOOL and not searched and "retrieval" in stages:
            searched = True
            yield _retrieval(tool, use, turn, began)
        began = ended


def _retrieval(tool: str, use: ToolUse, turn: Turn, began: datetime) -> Observation:
    stages = turn.timing.stages
    took = stages["retrieval"] + stages.get("rerank", 0.0)
    return Observation(
        f"{tool}/retrieval",
        tool,
        Kind.RETRIEVER,
        "retrieval",
        began,
        began + timedelta(milliseconds=took),
        input=_json(use.arguments),
        output=turn.chunk_ids,
        metadata={"articles": turn.article_ids, "confidence": turn.confidence},
    )


def _handoff(record: CallRecord, nodes: list[Observation], ended: datetime) -> Observation:
    """From the promise of a person to their taking the call, or to the end of the call."""
    asked = [node.ended for node in nodes if node.kind is Kind.TOOL and node.name == HANDOFF_TOOL]
    began = asked[-1] if asked else max([node.ended for node in nodes], default=ended)
    took = record.page_to_pickup_ms
    return Observation(
        "handoff",
        ROOT,
        Kind.SPAN,
        "handoff",
        began,
        ended if took is None else began + timedelta(milliseconds=took),
        input={"reason": record.handoff_reason},
        output={"taken": record.outcome is Outcome.TRANSFERRED, "page_to_pickup_ms": took},
        warning="nobody took the call" if record.outcome is Outcome.FAILSAFE else "",
    )


def _words(text: str, recording: str | None) -> Any:
    return text if recording is None else {"text": text, "audio": recording}


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _moment(iso: str, otherwise: datetime) -> datetime:
    return datetime.fromisoformat(iso) if iso else otherwise
