"""µ-law, as the carrier mixes and records it."""

import numpy as np

from firstline.simulators.mulaw import SILENCE, babble, frames, is_loud, mix
from firstline.speech.audio import decode_mulaw, encode_mulaw


class TestCoding:
    def test_every_code_survives_the_round_trip(self) -> None:
        """Only negative zero (0x7f) comes back as its positive twin."""
        codes = bytes(range(256))

        assert encode_mulaw(decode_mulaw(codes)) == codes.replace(b"\x7f", b"\xff")

    def test_known_values_of_the_standard(self) -> None:
        """G.711 table 2a: the ends of the range and silence."""
        assert decode_mulaw(b"\x00\x80\xff").tolist() == [-32124, 32124, 0]

    def test_quantising_stays_within_a_segment(self) -> None:
        pcm = np.arange(-32000, 32000, 97, dtype=np.int16)

        error = np.abs(decode_mulaw(encode_mulaw(pcm)).astype(int) - pcm)

        assert (error <= np.maximum(8, np.abs(pcm.astype(int)) / 16)).all()


class TestListening:
    def test_silence_is_not_loud_and_a_voice_is(self) -> None:
        assert not is_loud(SILENCE)
        assert all(is_loud(frame) for frame in frames(babble(500)))

    def test_mixing_silence_changes_nothing(self) -> None:
        voice = frames(babble(100))[2]

        assert mix([voice, SILENCE]) == mix([voice]) == voice
