"""Audio that knows when it was sent: a stamp in the first bytes of a µ-law frame, unseen by whoever passes it on."""

import base64
import struct
import time

_STAMP = struct.Struct("<qq")
FRAME_BYTES = 160
"""20 ms at 8 kHz."""
FLOOD = 1
"""Number in the frames of a flooding socket: they are no caller's, and nobody measures them."""


def stamped(ms: int, number: int = 0) -> str:
    """Base64 µ-law of this length with the present moment and a number in it."""
    size = FRAME_BYTES * ms // 20
    return base64.b64encode(_STAMP.pack(time.perf_counter_ns(), number) + b"\xff" * (size - _STAMP.size)).decode(
        "ascii"
    )


def read_stamp(payload: str) -> tuple[float, int]:
    """(age in ms, number) of stamped audio that arrived now."""
    sent, number = _STAMP.unpack(base64.b64decode(payload[:24])[: _STAMP.size])
    return (time.perf_counter_ns() - sent) / 1e6, number
