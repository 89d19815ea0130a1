"""Audio that says its words."""

import base64

from firstline.simulators.mulaw import FRAME_BYTES, SILENCE, frames
from workers.bench.lifecycle.words import heard, spoken


def payload(frame: bytes) -> str:
    return base64.b64encode(frame).decode()


def test_every_frame_carries_the_sentence_and_its_place() -> None:
    pieces = [heard(payload(frame)) for frame in frames(spoken("¿Cómo restablezco mi contraseña?", 100))]

    assert [piece and (piece.text, piece.index, piece.last) for piece in pieces] == [
        ("¿Cómo restablezco mi contraseña?", index, index == 4) for index in range(5)
    ]


def test_lasts_as_long_as_it_was_asked_to() -> None:
    assert len(spoken("Hello?", 1000)) == 50 * FRAME_BYTES


def test_silence_says_nothing() -> None:
    assert heard(payload(SILENCE)) is None
