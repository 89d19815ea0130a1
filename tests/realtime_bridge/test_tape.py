"""What the tape has of a turn: the caller's words whole, the agent's as far as they were heard."""

import base64
from io import BytesIO

import numpy as np
import soundfile

from firstline.speech.audio import decode_mulaw
from realtime_bridge.protocol.commands import Play, ToPhone
from realtime_bridge.protocol.twilio import CallerAudio, TwilioStream
from realtime_bridge.recording import wav
from realtime_bridge.tape import AGENT_BYTES, BEFORE_SPEECH_FRAMES, CALLER_FRAMES, Tape
from tests.realtime_bridge.calls import STREAM


def sound(byte: int, ms: int = 20) -> str:
    """Base64 µ-law that can be told apart."""
    return base64.b64encode(bytes([byte]) * (ms * 8)).decode()


def twilio() -> TwilioStream:
    stream = TwilioStream()
    stream.stream_sid = STREAM
    return stream


class Line:
    """A tape with a turn under way, at whose beginning the clock stood at 0."""

    def __init__(self) -> None:
        self.tape, self.stream = Tape(), twilio()
        self.tape.caller_stopped()

    def play(self, byte: int, ms: int, at: float, mark: str = "") -> None:
        payload = sound(byte, ms)
        self.tape.play(Play(self.stream.media(payload), payload), at)
        if mark:
            self.tape.play(ToPhone(self.stream.mark(mark)), at)

    def heard(self, at: float) -> dict[int, int]:
        """Byte -> ms of it that were heard."""
        audio = self.tape.cut(at).agent_audio()
        return {byte: audio.count(byte) // 8 for byte in sorted(set(audio))}


class TestTheAgentsSide:
    def test_is_whole_when_it_was_heard_to_the_end(self) -> None:
        line = Line()
        line.play(1, 400, 0)
        line.play(2, 400, 10, "end")
        line.tape.echo("end", 850)

        assert line.heard(850) == {1: 400, 2: 400}

    def test_ends_where_the_caller_cut_it_off(self) -> None:
        line = Line()
        line.play(1, 400, 0)
        line.play(2, 400, 10)
        line.tape.play(ToPhone(line.stream.clear()), 500)

        assert line.heard(2000) == {1: 400, 2: 100}

    def test_ends_earlier_on_a_phone_that_lags(self) -> None:
        line = Line()
        line.play(1, 400, 0, "first")
        line.play(2, 400, 10)
        line.tape.echo("first", 460)
        line.tape.play(ToPhone(line.stream.clear()), 500)

        assert line.heard(2000) == {1: 400, 2: 40}

    def test_is_heard_as_far_as_a_mark_says_on_a_phone_that_plays_faster(self) -> None:
        line = Line()
        line.play(1, 400, 0, "first")
        line.play(2, 400, 0)
        line.tape.echo("first", 10)

        assert line.heard(500) == {1: 400, 2: 100}

    def test_is_not_fooled_by_marks_that_a_clear_echoes(self) -> None:
        line = Line()
        line.play(1, 400, 0, "never-heard")
        line.tape.play(ToPhone(line.stream.clear()), 100)
        line.tape.echo("never-heard", 900)
        line.play(2, 100, 1000)

        assert line.heard(1100) == {1: 100, 2: 100}

    def test_goes_on_behind_a_cut(self) -> None:
        line = Line()
        line.play(1, 400, 0)
        line.tape.play(ToPhone(line.stream.clear()), 100)
        line.play(2, 200, 700)

        assert line.heard(1000) == {1: 100, 2: 200}

    def test_ends_with_the_call_when_the_caller_hangs_up_in_the_middle(self) -> None:
        line = Line()
        line.play(1, 1000, 0)

        assert line.heard(300) == {1: 300}

    def test_is_the_turns_own(self) -> None:
        line = Line()
        line.play(1, 100, 0)
        line.heard(100)
        line.play(2, 100, 200)
        line.tape.caller_stopped()
        line.play(3, 100, 400)

        assert line.heard(500) == {3: 100}

    def test_of_an_endless_turn_is_kept_up_to_a_limit(self) -> None:
        line, second = Line(), sound(1, 1000)
        for at in range(600):
            line.tape.play(Play(line.stream.media(second), second), at * 1000)

        audio = line.tape.cut(600_000).agent_audio()

        assert 0 < len(audio) <= AGENT_BYTES


def frame(byte: int) -> CallerAudio:
    return base64.b64encode(bytes([byte]) * 160)


class TestTheCallersSide:
    def test_is_what_was_said_with_a_little_before(self) -> None:
        tape = Tape()
        for byte in [0] * 500 + [1] * 20:
            tape.hear(frame(byte))
        tape.caller_speaks()
        for _ in range(200):
            tape.hear(frame(2))
        tape.caller_stopped()
        tape.hear(frame(3))

        audio = tape.cut(0).caller_audio()

        assert [audio.count(byte) // 160 for byte in range(4)] == [BEFORE_SPEECH_FRAMES - 20, 20, 200, 0]

    def test_of_whoever_never_stops_talking_is_kept_up_to_a_limit(self) -> None:
        tape = Tape()
        tape.caller_speaks()
        for _ in range(CALLER_FRAMES + 1000):
            tape.hear(frame(1))
        tape.caller_stopped()

        assert len(tape.cut(0).caller_audio()) == CALLER_FRAMES * 160


def test_a_recording_is_a_wav_that_others_read_sample_for_sample() -> None:
    mulaw = bytes(range(255))

    samples, rate = soundfile.read(BytesIO(wav(mulaw)), dtype="int16")

    assert rate == 8000
    assert np.array_equal(samples, decode_mulaw(mulaw))
