"""Whatever a client sends, the session answers and lives."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.speech.driver import Driver, types

KINDS = [
    "session.update",
    "input_audio_buffer.append",
    "input_audio_buffer.commit",
    "input_audio_buffer.clear",
    "conversation.item.create",
    "conversation.item.retrieve",
    "conversation.item.truncate",
    "conversation.item.delete",
    "response.create",
    "response.cancel",
    "no.such.event",
]
FIELDS = [
    *["event_id", "session", "audio", "item", "item_id", "previous_item_id", "content_index", "audio_end_ms"],
    *["response", "response_id", "type", "role", "content", "text", "call_id", "output", "name", "arguments", "id"],
    *["tools", "tool_choice", "input", "instructions", "conversation", "metadata", "max_output_tokens"],
]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-10, 70_000)
    | st.floats(allow_nan=False)
    | st.sampled_from(
        ["", "root", "none", "message", "user", "realtime", "function_call", "input_text", "AAAA", "inf"]
    ),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), children, max_size=4),
    max_leaves=8,
)
EVENTS = st.builds(
    lambda kind, fields: {**fields, "type": kind},
    st.sampled_from(KINDS),
    st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=5),
)


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(EVENTS | VALUES, max_size=8))
def test_no_sequence_of_events_breaks_a_session(events: list[Any]) -> None:
    driver = Driver()

    for event in events:
        driver.send(event)

    driver.send({"type": "response.cancel"})
    assert "response.created" in types(driver.send({"type": "response.create", "response": {"tools": []}}))
