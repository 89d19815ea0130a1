"""The playback buffer behind a media stream."""

from firstline.simulators.mulaw import FRAME_BYTES
from firstline.simulators.playback import Playback

FRAME = b"\x01" * FRAME_BYTES


class TestPlaying:
    def test_plays_twenty_milliseconds_at_a_time(self) -> None:
        playback = Playback()

        playback.media(FRAME + b"\x02" * FRAME_BYTES)

        assert playback.pending_ms == 40
        assert playback.pull() == (FRAME, [])
        assert playback.pull() == (b"\x02" * FRAME_BYTES, [])
        assert playback.pull() == (None, [])

    def test_pads_a_short_end_with_silence(self) -> None:
        playback = Playback()

        playback.media(b"\x01" * 100)

        assert playback.pull() == (b"\x01" * 100 + b"\xff" * 60, [])
        assert playback.pending_ms == 0


class TestMarks:
    def test_are_echoed_after_everything_before_them_was_played(self) -> None:
        playback = Playback()
        playback.media(FRAME)
        playback.mark("said")
        playback.media(FRAME)

        passed = [playback.pull()[1] for _ in range(3)]

        assert passed == [[], ["said"], []]

    def test_without_audio_before_them_are_echoed_at_once(self) -> None:
        playback = Playback()

        playback.mark("nothing to wait for")

        assert playback.pull() == (None, ["nothing to wait for"])

    def test_are_echoed_when_the_buffer_is_cleared(self) -> None:
        playback = Playback()
        playback.media(FRAME * 50)
        playback.mark("unheard")

        marks = playback.clear()

        assert marks == ["unheard"]
        assert playback.pull() == (None, [])
