"""G.711 µ-law as the simulated carrier needs it: frames, loudness, mixing."""

import numpy as np

from firstline.speech.audio import decode_mulaw, encode_mulaw

RATE = 8000
FRAME_MS = 20
FRAME_BYTES = RATE * FRAME_MS // 1000
SILENCE = b"\xff" * FRAME_BYTES
"""One frame of digital silence: real phones stream all the time."""

_LOUD = 500
"""Mean absolute PCM amplitude (of 32,767) above which a frame is somebody speaking: about -36 dBFS."""


def is_loud(frame: bytes) -> bool:
    """Whether somebody speaks in these µ-law bytes; silence, comfort noise and no bytes at all are not loud."""
    return bool(frame) and float(np.abs(decode_mulaw(frame).astype(np.int32)).mean()) > _LOUD


def frames(audio: bytes) -> list[bytes]:
    """20 ms frames of µ-law bytes, the last padded with silence."""
    return [audio[at : at + FRAME_BYTES].ljust(FRAME_BYTES, b"\xff") for at in range(0, len(audio), FRAME_BYTES)]


def mix(parts: list[bytes]) -> bytes:
    """One frame in which all of these are heard; silence for none."""
    if len(parts) < 2:
        return parts[0] if parts else SILENCE
    total = np.sum([decode_mulaw(part) for part in parts], axis=0, dtype=np.int32)
    return encode_mulaw(np.clip(total, -32768, 32767).astype(np.int16))


def babble(ms: int) -> bytes:
    """Something that sounds like a voice to a speech detector's energy stage: a hum with syllables, µ-law."""
    at = np.arange(ms * RATE // 1000) / RATE
    hum = np.sin(2 * np.pi * 140 * at) + 0.5 * np.sin(2 * np.pi * 700 * at) + 0.3 * np.sin(2 * np.pi * 1900 * at)
    syllables = 0.6 + 0.4 * np.sin(2 * np.pi * 4 * at)
    return encode_mulaw((hum * syllables * 6000).astype(np.int16))
