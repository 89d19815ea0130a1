"""Sound as numbers: G.711 µ-law, 16-bit PCM, and changing the sample rate.

Inside the room sound is mono float32, -1..1, at a rate that is said beside it.
"""

from enum import StrEnum

import numpy as np
import soxr
from numpy.typing import NDArray

Samples = NDArray[np.float32]
"""Mono, -1..1, one dimension."""

MODEL_RATE = 16_000
"""Hz; what the speech detector and Whisper were trained on."""

_FULL_SCALE = 32768.0
_BIAS = 0x84
_CLIP = 32635


class AudioFormat(StrEnum):
    """The Realtime protocol's audio formats that this server speaks."""

    PCMU = "audio/pcmu"
    """G.711 µ-law, 8 kHz mono: 8 bytes = 1 ms."""
    PCM = "audio/pcm"
    """Signed 16-bit little endian, 24 kHz mono: 48 bytes = 1 ms."""

    @property
    def rate(self) -> int:
        """Samples a second."""
        return 8_000 if self is AudioFormat.PCMU else 24_000

    @property
    def bytes_per_ms(self) -> int:
        """Bytes of one millisecond."""
        return 8 if self is AudioFormat.PCMU else 48


def _decoding_table() -> NDArray[np.int16]:
    """µ-law byte -> 16-bit sample (ITU-T G.711, table 2a, as the usual bias-and-shift form)."""
    inverted = ~np.arange(256, dtype=np.uint8)
    exponent = (inverted >> 4) & 7
    mantissa = (inverted & 15).astype(np.int32)
    magnitude = (((mantissa << 3) + _BIAS) << exponent) - _BIAS
    table: NDArray[np.int16] = np.where(inverted & 0x80, -magnitude, magnitude).astype(np.int16)
    return table


def _encoding_table() -> NDArray[np.uint8]:
    """16-bit sample, read as unsigned -> µ-law byte."""
    sample = np.arange(65536, dtype=np.uint16).astype(np.int16).astype(np.int32)
    magnitude = np.minimum(np.abs(sample), _CLIP) + _BIAS
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    mantissa = (magnitude >> (exponent + 3)) & 15
    sign = np.where(sample < 0, 0x80, 0)
    table: NDArray[np.uint8] = (~(sign | (exponent << 4) | mantissa) & 0xFF).astype(np.uint8)
    return table


_DECODED = _decoding_table()
_ENCODED = _encoding_table()


def encode_mulaw(samples: NDArray[np.int16]) -> bytes:
    """16-bit samples to µ-law bytes, one a sample."""
    return _ENCODED[samples.view(np.uint16)].tobytes()


def decode_mulaw(data: bytes) -> NDArray[np.int16]:
    """µ-law bytes to 16-bit samples."""
    samples: NDArray[np.int16] = _DECODED[np.frombuffer(data, np.uint8)]
    return samples


def to_int16(samples: Samples) -> NDArray[np.int16]:
    """Floats to 16-bit samples; what is louder than full scale is clipped."""
    whole: NDArray[np.int16] = np.clip(np.rint(samples * _FULL_SCALE), -32768, 32767).astype(np.int16)
    return whole


def to_float(samples: NDArray[np.int16]) -> Samples:
    """16-bit samples to floats."""
    return samples.astype(np.float32) / np.float32(_FULL_SCALE)


def decode(data: bytes, form: AudioFormat) -> Samples:
    """Bytes of the wire to floats at the format's own rate.

    Raises `ValueError` when PCM is cut in the middle of a sample.
    """
    if form is AudioFormat.PCMU:
        return to_float(decode_mulaw(data))
    if len(data) % 2:
        raise ValueError(f"{len(data)} bytes of 16-bit PCM end in the middle of a sample")
    return to_float(np.frombuffer(data, "<i2").astype(np.int16))


def encode(samples: Samples, form: AudioFormat) -> bytes:
    """Floats at the format's own rate to bytes of the wire."""
    whole = to_int16(samples)
    return encode_mulaw(whole) if form is AudioFormat.PCMU else whole.astype("<i2").tobytes()


def resample(samples: Samples, rate: int, to_rate: int) -> Samples:
    """A whole sound at another rate, at soxr's high quality."""
    if rate == to_rate or not len(samples):
        return samples
    changed: Samples = soxr.resample(samples, rate, to_rate).astype(np.float32)
    return changed


class LiveResampler:
    """Changes the rate of a live stream, piece by piece.

    Cubic interpolation: it delays by a quarter of a millisecond, where soxr's better filters hold back up to 66 ms.
    Good enough to hear *whether* someone speaks; what was said is resampled again, whole and at high quality.
    """

    def __init__(self, rate: int, to_rate: int) -> None:
        self._stream = None if rate == to_rate else soxr.ResampleStream(rate, to_rate, 1, "float32", "QQ")

    def feed(self, samples: Samples) -> Samples:
        """The next piece, at the new rate."""
        if self._stream is None:
            return samples
        changed: Samples = self._stream.resample_chunk(samples)
        return changed
