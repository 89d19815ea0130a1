"""G.711, PCM and sample rates."""

import numpy as np
import pytest

from firstline.speech.audio import (
    AudioFormat,
    LiveResampler,
    decode,
    decode_mulaw,
    encode,
    encode_mulaw,
    resample,
)


def tone(rate: int, seconds: float = 0.5, hertz: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


class TestMulaw:
    def test_every_byte_survives_the_way_to_samples_and_back(self) -> None:
        """But 0x7F, G.711's second zero, which comes back as the first one."""
        every = bytes(range(256))

        back = encode_mulaw(decode_mulaw(every))

        assert back == every.replace(b"\x7f", b"\xff")

    def test_knows_the_recommendations_extremes(self) -> None:
        assert decode_mulaw(b"\x00\x80\xff").tolist() == [-32124, 32124, 0]

    def test_is_never_off_by_more_than_half_a_step(self) -> None:
        samples = np.arange(-32635, 32636, 7, dtype=np.int16)

        error = np.abs(decode_mulaw(encode_mulaw(samples)).astype(int) - samples.astype(int))

        # A step is 1/16 of the segment's beginning: relative error below 1/32 plus the smallest step.
        assert np.all(error <= np.abs(samples.astype(int)) / 32 + 4)


class TestWireFormats:
    @pytest.mark.parametrize("form", list(AudioFormat))
    def test_a_tone_comes_back(self, form: AudioFormat) -> None:
        sound = tone(form.rate)

        data = encode(sound, form)

        assert len(data) == 500 * form.bytes_per_ms
        assert np.max(np.abs(decode(data, form) - sound)) < 0.02

    def test_half_a_sample_is_refused(self) -> None:
        with pytest.raises(ValueError, match="middle of a sample"):
            decode(b"\x00\x01\x02", AudioFormat.PCM)

    def test_too_loud_is_clipped_not_wrapped(self) -> None:
        loud = np.array([1.7, -1.7], np.float32)

        assert decode(encode(loud, AudioFormat.PCM), AudioFormat.PCM) == pytest.approx([1.0, -1.0], abs=1e-3)


class TestSampleRates:
    def test_a_tone_keeps_its_pitch(self) -> None:
        changed = resample(tone(22_050), 22_050, 8_000)

        peak = np.argmax(np.abs(np.fft.rfft(changed))) * 8_000 / len(changed)
        assert peak == pytest.approx(440, abs=3)

    def test_a_live_stream_is_not_held_back(self) -> None:
        """20 ms frames go in, and all but a fraction of a millisecond comes out at once."""
        resampler = LiveResampler(8_000, 16_000)

        out = sum(len(resampler.feed(tone(8_000, 0.02))) for _ in range(50))

        assert out == pytest.approx(16_000, abs=16)
