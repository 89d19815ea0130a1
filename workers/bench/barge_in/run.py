"""Every sound of the set through the real detector and transcriber, then through the bridge under several rules.

Over an answer that is all there already, and over one that the model is still saying.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from firstline.settings import Settings
from firstline.speech.engine import SpeechEngine
from firstline.speech.speak import LocalSpeaker
from realtime_bridge.protocol.rules import CallRules
from workers.bench.barge_in.hearing import heard
from workers.bench.barge_in.rig import Reaction, Rig
from workers.bench.barge_in.sounds import Kind, Sound, labelled_set, line_of

BEFORE_MS, AFTER_MS = 2000, 2500
AT_ONCE = 0.0
"""The rule before sounds were told apart: each is an interruption."""


@dataclass(frozen=True)
class Figures:
    """One kind of sound under one rule. Shares are of its sounds; times in ms, None where there are none."""

    kind: str
    barge_in_after_ms: float
    generating: bool
    """The model was still saying the answer."""
    sounds: int
    silenced: float
    """The phone fell silent for a moment at least."""
    cut_off: float
    """The agent did not go on: right for an interruption, a fault for everything else."""
    silenced_p50: float | None
    """From the sound's beginning."""
    silenced_max: float | None
    decided_p50: float | None
    """From the sound's beginning until the model was told."""
    decided_max: float | None
    pause_p50: float | None
    """Of an agent that went on."""
    pause_max: float | None
    truncation_error_p50: float | None
    """Told to the model less truly heard."""
    truncation_error_max: float | None


def run_barge_in_bench(
    settings: Settings, rules_ms: Sequence[float], per_kind: int, told: Callable[[str], None]
) -> dict[str, Any]:
    """The figures of each kind under each rule, the old one first. `per_kind` 0 takes the whole set."""
    engine = SpeechEngine.load(settings.whisper_model, settings.piper_voice, cache=settings.home / "models")
    try:
        assert isinstance(engine.speaker, LocalSpeaker)
        chosen = _chosen(list(labelled_set(engine.speaker)), per_kind)
        told(f"{len(chosen)} sounds through the detector and the transcriber …")
        timelines = [(sound, heard(engine, line_of(sound, BEFORE_MS, AFTER_MS))) for sound in chosen]
    finally:
        engine.close()
    rules = [AT_ONCE, *(ms for ms in rules_ms if ms != AT_ONCE)]
    figures = [_figures(kind, ms, early, timelines) for ms in rules for early in (False, True) for kind in Kind]
    wrong = [line for early in (False, True) for line in _wrong(rules[-1], early, timelines)]
    return {"sounds": len(chosen), "figures": [asdict(each) for each in figures], "wrong": wrong}


def _chosen(sounds: list[Sound], per_kind: int) -> list[Sound]:
    if per_kind <= 0:
        return sounds
    kinds = [[sound for sound in sounds if sound.kind is kind] for kind in Kind]
    return [sound for of_kind in kinds for sound in of_kind[:: max(1, len(of_kind) // per_kind)][:per_kind]]


Timelines = Sequence[tuple[Sound, list[tuple[float, dict[str, Any]]]]]


def _reaction(
    sound: Sound, events: list[tuple[float, dict[str, Any]]], after_ms: float, *, generating: bool
) -> Reaction:
    length = BEFORE_MS + len(sound.samples) / 8 + AFTER_MS
    rules = CallRules(barge_in_after_ms=after_ms, silence_step_ms=0)
    return Rig(rules, generating=generating).run(events, length)


def _figures(kind: Kind, after_ms: float, generating: bool, timelines: Timelines) -> Figures:
    of_kind = [(sound, events) for sound, events in timelines if sound.kind is kind]
    reactions = [_reaction(sound, events, after_ms, generating=generating) for sound, events in of_kind]
    cut = [each for each in reactions if each.cut_off_at is not None]
    silenced = [each.silenced_at - BEFORE_MS for each in reactions if each.silenced_at is not None]
    decided = [each.cut_off_at - BEFORE_MS for each in cut if each.cut_off_at is not None]
    pauses = [
        each.resumed_at - each.silenced_at
        for each in reactions
        if each.cut_off_at is None and each.resumed_at is not None and each.silenced_at is not None
    ]
    errors = [abs(each.told_ms - each.truth_ms) for each in cut if each.told_ms is not None]
    return Figures(
        kind.value,
        after_ms,
        generating,
        len(reactions),
        round(len(silenced) / len(reactions), 3),
        round(len(cut) / len(reactions), 3),
        *_middle_and_most(silenced),
        *_middle_and_most(decided),
        *_middle_and_most(pauses),
        *_middle_and_most(errors),
    )


def _middle_and_most(values: Sequence[float]) -> tuple[float | None, float | None]:
    return (round(statistics.median(values), 1), round(max(values), 1)) if values else (None, None)


def _wrong(after_ms: float, generating: bool, timelines: Timelines) -> list[str]:
    """The sounds that were taken for what they are not, with what was understood of them."""
    wrong = []
    for sound, events in timelines:
        cut = _reaction(sound, events, after_ms, generating=generating).cut_off_at is not None
        if cut != (sound.kind is Kind.INTERRUPTION):
            words = [event["transcript"] for _, event in events if event["type"].endswith("transcription.completed")]
            early = ", answer under way" if generating else ""
            wrong.append(f"{sound.name} at {sound.level_db:g} dB{early}: understood {words}")
    return wrong
