"""Which server events are told to be of no use before they are parsed."""

import orjson
import pytest

from realtime_bridge.protocol.server_events import NEEDS_NOTHING, needs_no_reading


@pytest.mark.parametrize("kind", sorted(NEEDS_NOTHING))
def test_a_known_event_that_needs_nothing_is_not_read_unless_it_is_of_the_session(kind: str) -> None:
    event = orjson.dumps({"type": kind, "event_id": "event_1", "item": {"type": "message"}})

    assert needs_no_reading(event) is not kind.startswith("session.")


@pytest.mark.parametrize(
    "data",
    [
        b'{"type":"response.output_audio.delta","delta":"//8="}',
        b'{"type":"conversation.item.unheard_of"}',
        b'{"event_id":"event_1","type":"conversation.item.added"}',
        b'{"type":"conversation.item.added',
        b'{"type": "conversation.item.added"}',
        b"",
    ],
)
def test_whatever_else_comes_is_read(data: bytes) -> None:
    assert not needs_no_reading(data)
