"""G.711 µ-law as the simulated carrier needs it: frames, loudness, PCM for mixing and recording (ITU-T G.711)."""

import numpy as np
from numpy.typing import NDArray

RATE = 8000
FRAME_MS = 20
FRAME_BYTES = RATE * FRAME_MS // 1000
SILENCE = b"\xff" * FRAME_BYTES
"""One frame of digital silence: real phones stream all the time."""

_BIAS = 0x84
_CLIP = 32635
_LOUD = 500
"""Mean absolute PCM amplitude (of 32,767) above which a frame is somebody speaking: about -36 dBFS."""

Pcm = NDArray[np.int16]


def _decoding() -> Pcm:
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = ((((code & 0x0F) << 3) + _BIAS) << ((code >> 4) & 0x07)) - _BIAS
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


_DECODING = _decoding()


def decode(audio: bytes) -> Pcm:
    """PCM16 of µ-law bytes, one sample a byte."""
    return _DECODING[np.frombuffer(audio, dtype=np.uint8)]


def encode(pcm: Pcm) -> bytes:
    """µ-law bytes of PCM16."""
    wide = pcm.astype(np.int32)
    magnitude = np.minimum(np.abs(wide), _CLIP) + _BIAS
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    code = (exponent << 4) | mantissa | np.where(wide < 0, 0x80, 0)
    audio: bytes = (~code & 0xFF).astype(np.uint8).tobytes()
    return audio


def is_loud(frame: bytes) -> bool:
    """Whether somebody speaks in these µ-law bytes; silence, comfort noise and no bytes at all are not loud."""
    return bool(frame) and float(np.abs(decode(frame).astype(np.int32)).mean()) > _LOUD


def frames(audio: bytes) -> list[bytes]:
    """20 ms frames of µ-law bytes, the last padded with silence."""
    return [audio[at : at + FRAME_BYTES].ljust(FRAME_BYTES, b"\xff") for at in range(0, len(audio), FRAME_BYTES)]


def mix(parts: list[bytes]) -> bytes:
    """One frame in which all of these are heard; silence for none."""
    if len(parts) < 2:
        return parts[0] if parts else SILENCE
    total = np.sum([decode(part) for part in parts], axis=0, dtype=np.int32)
    return encode(np.clip(total, -32768, 32767).astype(np.int16))


def babble(ms: int) -> bytes:
    """Something that sounds like a voice to a speech detector's energy stage: a hum with syllables, µ-law."""
    at = np.arange(ms * RATE // 1000) / RATE
    hum = np.sin(2 * np.pi * 140 * at) + 0.5 * np.sin(2 * np.pi * 700 * at) + 0.3 * np.sin(2 * np.pi * 1900 * at)
    syllables = 0.6 + 0.4 * np.sin(2 * np.pi * 4 * at)
    return encode((hum * syllables * 6000).astype(np.int16))
