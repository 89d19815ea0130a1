"""The labelled set: what callers do while the agent speaks. Two voices and seeded noise, the same each time."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from firstline.speech.audio import AudioFormat, Samples, decode, resample
from firstline.speech.formant import formant_voice
from firstline.speech.speak import LocalSpeaker

RATE = 8000
LEVELS_DB = (-6.0, -18.0, -30.0)
"""Peak of the sound, dB below full scale: into the phone, at arm's length, from across the desk."""
FLOOR_DB = -60.0
"""Of the line's own noise."""
COUGHS, HUMS = 12, 6


class Kind(StrEnum):
    """What a sound is."""

    BACKCHANNEL = "backchannel"
    COUGH = "cough"
    INTERRUPTION = "interruption"


_WORDS = {
    Kind.BACKCHANNEL: ("Uh-huh.", "Yeah.", "Okay.", "Right.", "I see.", "Sure.", "Yeah, okay."),
    Kind.COUGH: ("Ahem.", "Achoo!"),
    Kind.INTERRUPTION: (
        "Stop.",
        "Wait.",
        "No.",
        "Hold on a second.",
        "That is not what I asked.",
        "Can I talk to a person?",
        "What about the mobile app?",
        "Sorry, I meant the invoice.",
    ),
}


@dataclass(frozen=True)
class Sound:
    """One sound of the set."""

    kind: Kind
    name: str
    level_db: float
    samples: Samples
    """8 kHz, without silence around it."""


def labelled_set(piper: LocalSpeaker) -> Iterator[Sound]:
    """Every sound at every level."""
    for kind, name, samples in [*_words(piper), *_hums(), *_coughs()]:
        for level in LEVELS_DB:
            peak = np.abs(samples).max() or 1.0
            yield Sound(kind, name, level, (samples / peak * 10 ** (level / 20)).astype(np.float32))


def _words(piper: LocalSpeaker) -> Iterator[tuple[Kind, str, Samples]]:
    formant = formant_voice()
    for kind, texts in _WORDS.items():
        for text in texts:
            spoken = decode(piper.say(text, "en", AudioFormat.PCMU), AudioFormat.PCMU)
            yield kind, f"{text} (Piper)", _trimmed(spoken)
            yield kind, f"{text} (eSpeak)", _trimmed(resample(formant.say(text, "en", 1.0), formant.rate, RATE))


def _hums() -> Iterator[tuple[Kind, str, Samples]]:
    """ "Mhm": a hum, a breath, a hum that rises. No voice can be asked for it: they spell it."""
    draw = np.random.default_rng(5)
    for number in range(HUMS):
        pitch, ms = float(draw.uniform(95, 210)), float(draw.uniform(110, 180))
        breath = 0.05 * draw.standard_normal(int(RATE * 0.06))
        hum = np.concatenate([_hum(pitch, pitch * 0.95, ms), breath, _hum(pitch, pitch * 1.25, ms * 1.3)])
        yield Kind.BACKCHANNEL, f"mhm {number + 1}", hum.astype(np.float32)


def _hum(pitch: float, to_pitch: float, ms: float) -> Samples:
    """Harmonics as the closed lips leave them: each much weaker than the one below."""
    length = int(RATE * ms / 1000)
    phase = 2 * np.pi * np.cumsum(np.linspace(pitch, to_pitch, length)) / RATE
    harmonics = np.arange(1, int(1200 / pitch) + 1)[:, None]
    sound = (np.sin(harmonics * phase) / harmonics**1.8).sum(axis=0)
    hum: Samples = np.asarray(sound * np.hanning(length) ** 0.5, np.float32)
    return hum


def _coughs() -> Iterator[tuple[Kind, str, Samples]]:
    """Bursts of noise that rise in 10 ms and fall over 60 to 200, one or two of them, as a cough or a knock does."""
    draw = np.random.default_rng(7)
    for number in range(COUGHS):
        bursts = [_burst(draw, fall_ms=float(draw.uniform(60, 200))) for _ in range(1 + number % 2)]
        gap = np.zeros(int(RATE * draw.uniform(0.08, 0.25)), np.float32)
        cough = np.concatenate([bursts[0], gap, *bursts[1:]])
        yield Kind.COUGH, f"cough {number + 1}", cough


def _burst(draw: np.random.Generator, fall_ms: float) -> Samples:
    length = int(RATE * (0.01 + 3 * fall_ms / 1000))
    at_ms = np.arange(length) / RATE * 1000
    shape = np.minimum(at_ms / 10, 1.0) * np.exp(-np.maximum(at_ms - 10, 0) / fall_ms)
    noise = draw.standard_normal(length)
    # A throat is no white noise: most of a cough lies below 2 kHz.
    smooth = np.convolve(noise, np.ones(3) / 3, "same")
    burst: Samples = np.asarray(smooth * shape, np.float32)
    return burst


def _trimmed(samples: Samples) -> Samples:
    loud = np.flatnonzero(np.abs(samples) > 0.02 * np.abs(samples).max())
    return samples[loud[0] : loud[-1] + 1] if len(loud) else samples


def line_of(sound: Sound, before_ms: int, after_ms: int) -> Samples:
    """The caller's line: its own noise, with the sound in it `before_ms` after the beginning."""
    before, after = RATE * before_ms // 1000, RATE * after_ms // 1000
    draw = np.random.default_rng(11)
    noise = draw.standard_normal(before + len(sound.samples) + after) * 10 ** (FLOOR_DB / 20)
    line: Samples = noise.astype(np.float32)
    line[before : before + len(sound.samples)] += sound.samples
    return line
