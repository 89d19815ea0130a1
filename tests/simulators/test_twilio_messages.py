"""Media Streams messages, written and read."""

import json

import pytest

from firstline.simulators.twilio_messages import BadMessage, Clear, Mark, Media, StreamMessages, read

SID = "MZ" + "0" * 32


class TestReading:
    def test_knows_what_a_server_may_send(self) -> None:
        media = {"event": "media", "streamSid": SID, "media": {"payload": "/w=="}}
        mark = {"event": "mark", "streamSid": SID, "mark": {"name": "m"}}
        clear = {"event": "clear", "streamSid": SID}

        assert [read(json.dumps(message), SID) for message in (media, mark, clear)] == [
            Media(b"\xff"),
            Mark("m"),
            Clear(),
        ]

    @pytest.mark.parametrize(
        "text",
        [
            "nonsense",
            "[]",
            '{"event": "clear"}',
            '{"event": "clear", "streamSid": "MZother"}',
            f'{{"event": "dance", "streamSid": "{SID}"}}',
            f'{{"event": "media", "streamSid": "{SID}", "media": {{"payload": "***"}}}}',
            f'{{"event": "mark", "streamSid": "{SID}"}}',
        ],
    )
    def test_refuses_everything_else(self, text: str) -> None:
        with pytest.raises(BadMessage):
            read(text, SID)


class TestWriting:
    def test_numbers_every_message_after_the_first(self) -> None:
        messages = StreamMessages("AC1", "CA1", SID)
        messages.connected()

        written = [json.loads(text) for text in (messages.start(), messages.media(b"\xff"), messages.dtmf("1"))]

        assert [message["sequenceNumber"] for message in written] == ["1", "2", "3"]
        assert {message["streamSid"] for message in written} == {SID}

    def test_stop_names_the_call(self) -> None:
        stop = json.loads(StreamMessages("AC1", "CA1", SID).stop())

        assert stop["stop"] == {"accountSid": "AC1", "callSid": "CA1"}
