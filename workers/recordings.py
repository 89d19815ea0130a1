"""Anybody's recording as telephone audio, and telephone audio as a recording."""

from pathlib import Path

import numpy as np
import soundfile
import soxr

from firstline.speech.audio import encode_mulaw

TELEPHONE_HZ = 8000
SLOWEST_HZ, FASTEST_HZ = 8000, 48000
LONGEST_SECONDS = 120


class BadRecording(Exception):
    """A file that cannot be a caller's turn; the message names it and says why."""


def telephone_audio(path: Path) -> bytes:
    """A WAV (8 to 48 kHz, mono or stereo, PCM, float or µ-law) as G.711 µ-law, 8 kHz mono. Raises `BadRecording`."""
    if not path.is_file():
        raise BadRecording(f"{path}: there is no such file")
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise BadRecording(f"{path}: not a WAV file that can be read ({error})") from error
    if not SLOWEST_HZ <= rate <= FASTEST_HZ:
        raise BadRecording(f"{path}: {rate} Hz; between {SLOWEST_HZ} and {FASTEST_HZ} Hz is needed")
    if len(samples) == 0:
        raise BadRecording(f"{path}: holds no audio")
    if len(samples) > LONGEST_SECONDS * rate:
        raise BadRecording(f"{path}: longer than {LONGEST_SECONDS} s; a turn is one thing a caller says")
    mono = soxr.resample(samples.mean(axis=1), rate, TELEPHONE_HZ)
    return encode_mulaw((np.clip(mono, -1.0, 1.0) * 32767).astype(np.int16))
