"""Sound files for `<Play>`."""

import io

import numpy as np
import soundfile
import soxr

from firstline.simulators.mulaw import RATE
from firstline.speech.audio import encode_mulaw


def load_sound(data: bytes) -> bytes:
    """µ-law bytes, 8 kHz mono, of any sound file libsndfile reads; nothing when it reads none."""
    try:
        samples, rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    except soundfile.LibsndfileError:
        return b""
    mono = soxr.resample(samples.mean(axis=1), rate, RATE)
    return encode_mulaw((np.clip(mono, -1, 1) * 32767).astype(np.int16))
