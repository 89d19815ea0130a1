"""Caller audio that says its words: each 20 ms frame carries its sentence, unseen by whoever passes it on.

So a model that joins in the middle of a sentence, because the bridge before it was killed, knows what it missed.
"""

import base64
import struct
from dataclasses import dataclass

from firstline.simulators.mulaw import FRAME_BYTES, FRAME_MS

_MARK = b"\x01FL"
_SEEN = base64.b64encode(_MARK).decode("ascii")
"""Three bytes are four base64 characters: a frame is told from silence without decoding it."""
_HEAD = struct.Struct("<3sHHB")
TEXT_MAX = FRAME_BYTES - _HEAD.size
"""Bytes of UTF-8 in a sentence."""


@dataclass(frozen=True)
class Piece:
    """One frame of a sentence."""

    text: str
    index: int
    total: int

    @property
    def last(self) -> bool:
        """The sentence ends here."""
        return self.index == self.total - 1


def spoken(text: str, ms: int) -> bytes:
    """µ-law of this length that says `text`. Raises `ValueError` for more than fits into a frame."""
    told = text.encode()
    if len(told) > TEXT_MAX:
        raise ValueError(f"{text!r} is longer than {TEXT_MAX} bytes")
    total = ms // FRAME_MS
    heads = (_HEAD.pack(_MARK, index, total, len(told)) for index in range(total))
    return b"".join((head + told).ljust(FRAME_BYTES, b"\xff") for head in heads)


def heard(payload: str) -> Piece | None:
    """The sentence in a base64 frame; None for silence."""
    if not payload.startswith(_SEEN):
        return None
    frame = base64.b64decode(payload)
    _, index, total, length = _HEAD.unpack_from(frame)
    return Piece(frame[_HEAD.size : _HEAD.size + length].decode("utf-8", "replace"), index, total)
