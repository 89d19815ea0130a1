"""Events that a model sent at once are acted on once; what they mean is what they would have meant one by one."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_bridge.protocol.rules import CallRules
from tests.realtime_bridge.calls import Bench, mulaw

Event = dict[str, Any]

ITEMS = st.sampled_from(["u1", "u2"])
RESPONSES = st.sampled_from(["r1", "r2"])
TEXT = st.sampled_from(["How do I", " reset my password?", "mhm", "", "No, wait."])


def events() -> st.SearchStrategy[Event]:
    """What a session says, in any order."""
    heard, said = "conversation.item.input_audio_transcription", "response.output_audio"
    call = {"type": "function_call", "call_id": "c1", "name": "lookup_article", "arguments": '{"query": "password"}'}
    message = {"type": "message", "id": "a1", "status": "completed"}
    return st.one_of(
        st.builds(lambda item: {"type": "input_audio_buffer.speech_started", "item_id": item}, ITEMS),
        st.builds(lambda item: {"type": "input_audio_buffer.speech_stopped", "item_id": item}, ITEMS),
        st.builds(lambda item, text: {"type": f"{heard}.delta", "item_id": item, "delta": text}, ITEMS, TEXT),
        st.builds(lambda item, text: {"type": f"{heard}.completed", "item_id": item, "transcript": text}, ITEMS, TEXT),
        st.builds(lambda of: {"type": "response.created", "response": {"id": of}}, RESPONSES),
        st.builds(
            lambda of: {"type": f"{said}.delta", "response_id": of, "item_id": "a1", "delta": mulaw(500)}, RESPONSES
        ),
        st.sampled_from([{"type": "response.output_item.done", "item": item} for item in (call, message)]),
        st.builds(lambda of: {"type": "response.done", "response": {"id": of, "status": "completed"}}, RESPONSES),
        st.just({"type": "conversation.item.added"}),
    )


def told(reads: list[list[Event]], *, at_once: bool) -> Bench:
    """A call whose model said this, half a second between reads."""
    bench = Bench([100], rules=CallRules(), price=lambda usage: 0.1)
    bench.start()
    for read in reads:
        for event in read:
            bench.session.model(event, bench.now)
            if not at_once:
                bench.take()
        bench.take()
        bench.wait(500)
    return bench


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.lists(events(), max_size=6), max_size=8))
def test_events_that_came_at_once_mean_what_they_mean_one_by_one(reads: list[list[Event]]) -> None:
    together, apart = told(reads, at_once=True), told(reads, at_once=False)

    assert together.commands == apart.commands
    assert together.session.wakes_at == apart.session.wakes_at
    assert together.session.lines == apart.session.lines
