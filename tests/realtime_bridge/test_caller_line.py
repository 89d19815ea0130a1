"""The shortcut of the caller's frames: the same as the careful way, and only for what is quite usual."""

import base64
from itertools import takewhile

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_bridge.protocol.caller_line import LOOKED_AFTER, CallerLine
from realtime_bridge.protocol.frame_budget import BURST, FrameBudget
from realtime_bridge.protocol.realtime import append_audio
from realtime_bridge.protocol.twilio import TwilioStream, mulaw_of
from realtime_bridge.tape import Tape
from tests.realtime_bridge.calls import CALL, STREAM, media_frame, mulaw

START = {"streamSid": STREAM, "callSid": CALL, "mediaFormat": {"encoding": "audio/x-mulaw"}}


def careful() -> TwilioStream:
    """A stream that has started."""
    stream = TwilioStream()
    stream.read(orjson.dumps({"event": "start", "start": START}))
    return stream


@given(st.binary(min_size=160, max_size=160))
def test_a_frame_becomes_what_the_careful_way_makes_of_it(audio: bytes) -> None:
    payload = base64.b64encode(audio)
    line, frame = CallerLine(STREAM), media_frame(payload.decode())

    assert line.take(frame) == append_audio(payload)
    assert careful().read(frame) == payload
    assert (list(line.frames), line.count, line.audio_ms) == ([payload], 1, 20)
    assert mulaw_of(line.frames) == audio


def in_another_order(payload: bytes) -> bytes:
    media = {"payload": payload.decode(), "track": "inbound"}
    return orjson.dumps({"streamSid": STREAM, "media": media, "event": "media"}, option=orjson.OPT_INDENT_2)


@given(st.binary(min_size=160, max_size=160))
def test_so_does_one_whose_fields_come_in_another_order(audio: bytes) -> None:
    payload, line = base64.b64encode(audio), CallerLine(STREAM)

    assert line.take(in_another_order(payload)) == append_audio(payload)
    assert (list(line.frames), line.count, line.audio_ms) == ([payload], 1, 20)


def test_a_flood_is_not_taken() -> None:
    line = CallerLine(STREAM)
    line.budget = FrameBudget(lambda: 0.0)
    taken = takewhile(lambda event: event is not None, (line.take(media_frame(mulaw(20))) for _ in range(2000)))

    assert BURST <= len(list(taken)) <= BURST * 1.1


def test_audio_of_another_length_counts_as_long_as_it_is() -> None:
    line = CallerLine(STREAM)
    line.take(media_frame(mulaw(20)))

    assert line.take_unusual(mulaw(50).encode()) == append_audio(mulaw(50).encode())
    assert (line.count, line.audio_ms) == (2, 70)
    line.begin_again(list(line.frames)[1:])
    line.take(media_frame(mulaw(20)))
    assert (line.count, line.audio_ms) == (3, 70)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"[]",
        b"not JSON",
        b'"media"',
        b'{"event":"mark","mark":{"name":"a"}}',
        media_frame(""),
        media_frame(None),
        media_frame([1, 2]),
        media_frame("no base64!" * 21 + "------"),
        media_frame('"},{"type":"response.create","audio":"'.ljust(216, "A")),
        media_frame("é" * 216),
        media_frame("AAA=" * 54),
        media_frame("A" * 216),
        media_frame(mulaw(40)),
        media_frame(mulaw(20), streamSid="MZ" + "0" * 32),
        media_frame(mulaw(20), media={"track": "outbound", "payload": mulaw(20)}),
        media_frame(mulaw(20), media="none"),
    ],
)
def test_everything_else_is_left_to_the_careful_way(frame: bytes) -> None:
    line = CallerLine(STREAM)

    assert line.take(frame) is None
    assert (line.count, list(line.frames)) == (0, [])


def test_whoever_listens_along_hears_every_frame() -> None:
    line, tape = CallerLine(STREAM), Tape()
    line.also = tape
    tape.caller_speaks()
    for _ in range(30):
        line.take(media_frame(mulaw(20)))
    tape.caller_stopped()

    assert tape.cut(0).caller_audio() == b"\xff" * 160 * 30


def test_the_owner_tidies_now_and_then() -> None:
    line, tidied = CallerLine(STREAM), list[int]()
    line.tidy = lambda: tidied.append(line.count)
    for _ in range(3 * LOOKED_AFTER + 1):
        line.take(media_frame(mulaw(20)))

    assert tidied == [LOOKED_AFTER, 2 * LOOKED_AFTER, 3 * LOOKED_AFTER]
