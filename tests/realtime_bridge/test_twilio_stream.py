"""Reading and writing Twilio's frames."""

from typing import Any

import orjson
import pytest

from realtime_bridge.protocol.twilio import (
    BadFrame,
    CallerAudio,
    DigitPressed,
    MarkReached,
    StreamStarted,
    StreamStopped,
    TwilioStream,
    audio_ms,
)
from tests.realtime_bridge.calls import CALL, STREAM, mulaw

START = {
    "event": "start",
    "sequenceNumber": "1",
    "streamSid": STREAM,
    "start": {
        "streamSid": STREAM,
        "accountSid": "AC" + "0" * 32,
        "callSid": CALL,
        "tracks": ["inbound"],
        "customParameters": {"from": "+15550100999"},
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
    },
}


def media(**fields: Any) -> dict[str, Any]:
    return {"event": "media", "streamSid": STREAM, "media": {"track": "inbound", "payload": mulaw(20), **fields}}


def read(*frames: Any) -> Any:
    """What the last of these frames means to a fresh stream."""
    stream = TwilioStream()
    result = None
    for frame in frames:
        result = stream.read(frame if isinstance(frame, bytes) else orjson.dumps(frame))
    return result


class TestReading:
    def test_start_names_the_call_and_carries_our_parameters(self) -> None:
        assert read({"event": "connected"}, START) == StreamStarted(STREAM, CALL, {"from": "+15550100999"})

    def test_media_is_the_callers_audio_as_it_came(self) -> None:
        assert read(START, media()) == CallerAudio(mulaw(20).encode())

    def test_our_own_voice_is_not_listened_to(self) -> None:
        assert read(START, media(track="outbound")) is None

    def test_marks_digits_and_the_end(self) -> None:
        assert read(START, {"event": "mark", "streamSid": STREAM, "mark": {"name": "m"}}) == MarkReached("m")
        assert read(START, {"event": "dtmf", "streamSid": STREAM, "dtmf": {"digit": "0"}}) == DigitPressed("0")
        assert read(START, {"event": "stop", "streamSid": STREAM}) == StreamStopped()

    def test_after_the_end_nothing_counts(self) -> None:
        assert read(START, {"event": "stop", "streamSid": STREAM}, media()) is None


class TestNonsense:
    @pytest.mark.parametrize(
        ("frames", "why"),
        [
            ([b"{"], "not JSON"),
            ([b"[]"], "not a JSON object"),
            ([media()], "before `start`"),
            ([START, START], "second `start`"),
            ([START, {**media(), "streamSid": "MZ" + "9" * 32}], "another stream"),
            ([START, {"event": "media", "streamSid": STREAM}], "`media` is missing"),
            ([START, media(payload="not base64!")], "not base64"),
            ([START, media(payload="")], "`payload` is missing"),
            ([START, media(payload=160)], "`payload` is missing"),
            ([START, {"event": "song", "streamSid": STREAM}], "unknown event"),
            ([{**START, "start": {**START["start"], "mediaFormat": {"encoding": "audio/opus"}}}], "mulaw"),  # type: ignore[dict-item]
        ],
    )
    def test_is_refused_with_its_reason(self, frames: list[Any], why: str) -> None:
        with pytest.raises(BadFrame, match=why):
            read(*frames)


class TestWriting:
    def test_every_frame_names_the_stream(self) -> None:
        stream = TwilioStream()
        stream.read(orjson.dumps(START))

        frames = [orjson.loads(frame) for frame in (stream.media("AA=="), stream.mark("m"), stream.clear())]

        assert [frame["event"] for frame in frames] == ["media", "mark", "clear"]
        assert {frame["streamSid"] for frame in frames} == {STREAM}

    @pytest.mark.parametrize("ms", [1, 2, 3, 20, 400])
    def test_audio_is_measured_without_decoding_it(self, ms: int) -> None:
        assert audio_ms(mulaw(ms)) == ms
