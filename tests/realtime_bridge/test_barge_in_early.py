"""A sound over an answer that the model is still saying: nothing of it is lost until it is clear what the sound was."""

import pytest

from realtime_bridge.protocol.replay import ResumeNotes
from realtime_bridge.protocol.rules import CallRules
from tests.realtime_bridge.calls import Bench, mulaw

ALREADY = {"code": "conversation_already_has_active_response", "message": "resp_1 is in progress"}


@pytest.fixture
def bench() -> Bench:
    """400 ms into an answer of which 1 s has come."""
    bench = Bench(rules=CallRules(barge_in_after_ms=1000))
    bench.start()
    bench.caller_says("How?")
    bench.model("response.created", response={"id": "resp_1"})
    goes_on(bench, "one two three four five", pieces=10)
    bench.now += 400
    return bench


def goes_on(bench: Bench, words: str, pieces: int) -> None:
    """The model says more of its answer, 100 ms a piece."""
    where = {"response_id": "resp_1", "item_id": "item_a1"}
    bench.model("response.output_audio_transcript.delta", **where, delta=words)
    for _ in range(pieces):
        bench.model("response.output_audio.delta", **where, delta=mulaw(100))


def ends(bench: Bench, status: str = "completed") -> None:
    bench.model("response.output_item.done", item={"type": "message", "id": "item_a1", "status": status})
    bench.model("response.done", response={"id": "resp_1", "status": status})


def sound_begins(bench: Bench) -> None:
    bench.model("input_audio_buffer.speech_started", item_id="item_u2")
    bench.now += 300


def sound_ends(bench: Bench, words: str) -> None:
    """The server hears the end, and cannot begin a response while one is active."""
    sound_stops(bench)
    bench.model("error", error=ALREADY)
    bench.model("conversation.item.input_audio_transcription.completed", item_id="item_u2", transcript=words)


def sound_stops(bench: Bench) -> None:
    bench.now += 500
    bench.model("input_audio_buffer.speech_stopped", item_id="item_u2", audio_end_ms=9000)


def played_since(bench: Bench, frames: int) -> str:
    sent = bench.to_phone(bench.commands)[frames:]
    return "".join(frame["media"]["payload"] for frame in sent if frame["event"] == "media")


class TestAnySound:
    def test_silences_the_phone_and_stops_nothing_else(self, bench: Bench) -> None:
        frames = bench.to_phone(bench.model("input_audio_buffer.speech_started", item_id="item_u2"))
        goes_on(bench, " six seven", pieces=4)

        assert [frame["event"] for frame in frames] == ["clear"]
        assert bench.to_phone(bench.commands)[-1] == frames[0]
        assert bench.sent_to_model("response.cancel") == []

    def test_between_two_sentences_is_no_interruption_either(self, bench: Bench) -> None:
        """All that has come was heard; more of it is under way."""
        bench.now += 600
        bench.play_all()

        sound_begins(bench)
        sound_ends(bench, "Mhm.")

        assert bench.sent_to_model("response.cancel") == []


class TestBackchannel:
    def test_costs_nothing_of_the_answer(self, bench: Bench) -> None:
        frames = len(bench.to_phone(bench.commands))
        sound_begins(bench)
        goes_on(bench, " six seven", pieces=4)
        sound_ends(bench, "Mhm.")
        goes_on(bench, " eight nine ten", pieces=6)
        ends(bench)
        bench.play_all()

        assert played_since(bench, frames) == mulaw(100) * 16
        [turn] = bench.turns
        assert (turn.agent_text, turn.interrupted) == ("one two three four five six seven eight nine ten", False)
        assert bench.happened == ["backchannel"]

    def test_leaves_one_response_and_asks_for_no_other(self, bench: Bench) -> None:
        sound_begins(bench)
        sound_ends(bench, "Mhm.")
        ends(bench)

        asked = [event["type"] for event in bench.to_model(bench.commands) if event["type"].startswith("response.")]
        assert asked == []

    def test_does_not_cost_the_answer_to_the_next_question(self, bench: Bench) -> None:
        sound_begins(bench)
        sound_ends(bench, "Mhm.")
        ends(bench)
        bench.play_all()

        bench.caller_says("And then?", "item_u3")
        bench.agent_says("That is all.", response="resp_3", item="item_a3")
        bench.play_all()

        assert bench.turns[-1].agent_text == "That is all."

    def test_during_which_the_answer_was_finished_is_answered_by_the_server_and_that_is_stopped(
        self, bench: Bench
    ) -> None:
        frames = len(bench.to_phone(bench.commands))
        sound_begins(bench)
        goes_on(bench, " six", pieces=1)
        ends(bench)
        sound_stops(bench)
        bench.model("response.created", response={"id": "resp_2"})
        bench.model("conversation.item.input_audio_transcription.completed", item_id="item_u2", transcript="Okay.")
        bench.model("response.done", response={"id": "resp_2", "status": "cancelled"})
        bench.play_all()

        assert played_since(bench, frames) == mulaw(100) * 7
        assert [event["response_id"] for event in bench.sent_to_model("response.cancel")] == ["resp_2"]
        assert bench.turns[0].agent_text == "one two three four five six"

    def test_does_not_keep_the_models_tool_from_running(self, bench: Bench) -> None:
        call = {"type": "function_call", "status": "completed", "call_id": "c", "name": "lookup_article"}
        sound_begins(bench)
        bench.model("response.output_item.done", item=call)
        assert bench.tools == []

        sound_ends(bench, "Mhm.")

        assert [tool.call_id for tool in bench.tools] == ["c"]


class TestInterruption:
    def test_cancels_and_truncates_at_the_position_heard(self, bench: Bench) -> None:
        sound_begins(bench)
        goes_on(bench, " six seven", pieces=4)

        bench.model("conversation.item.input_audio_transcription.delta", item_id="item_u2", delta="Wait, I")

        assert [event["response_id"] for event in bench.sent_to_model("response.cancel")] == ["resp_1"]
        assert bench.sent_to_model("conversation.item.truncate")[0]["audio_end_ms"] == 400

    def test_plays_nothing_of_what_came_meanwhile(self, bench: Bench) -> None:
        frames = len(bench.to_phone(bench.commands))
        sound_begins(bench)
        goes_on(bench, " six seven", pieces=4)
        sound_ends(bench, "Stop.")
        goes_on(bench, " eight", pieces=2)

        assert played_since(bench, frames) == ""

    def test_too_short_for_the_server_to_begin_an_answer_is_answered_once_the_response_is_over(
        self, bench: Bench
    ) -> None:
        sound_begins(bench)
        sound_ends(bench, "Stop.")
        assert bench.sent_to_model("response.create") == []

        ends(bench, "cancelled")

        assert len(bench.sent_to_model("response.create")) == 1

    def test_known_only_when_the_response_is_over_is_answered_at_once(self, bench: Bench) -> None:
        sound_begins(bench)
        sound_stops(bench)
        bench.model("error", error=ALREADY)
        ends(bench)

        bench.model("conversation.item.input_audio_transcription.completed", item_id="item_u2", transcript="Stop.")

        assert bench.sent_to_model("response.cancel") == []
        assert bench.sent_to_model("conversation.item.truncate")[0]["audio_end_ms"] == 400
        assert len(bench.sent_to_model("response.create")) == 1

    def test_that_the_server_answers_by_itself_is_not_asked_for(self, bench: Bench) -> None:
        """The response was over before the sound ended."""
        sound_begins(bench)
        ends(bench)
        sound_stops(bench)
        bench.model("response.created", response={"id": "resp_2"})
        bench.model("conversation.item.input_audio_transcription.completed", item_id="item_u2", transcript="Stop.")
        bench.model("response.output_audio.delta", response_id="resp_2", item_id="item_a2", delta=mulaw(100))

        assert bench.sent_to_model("response.create") == []
        assert bench.to_phone(bench.commands)[-2]["event"] == "media"

    def test_takes_an_item_that_nobody_heard_out_of_the_conversation(self, bench: Bench) -> None:
        sound_begins(bench)
        bench.model("response.output_item.done", item={"type": "message", "id": "item_b", "status": "completed"})
        sound_ends(bench, "Stop.")

        assert [event["item_id"] for event in bench.sent_to_model("conversation.item.delete")] == ["item_b"]

    def test_runs_no_tool_that_was_asked_for_meanwhile(self, bench: Bench) -> None:
        call = {"type": "function_call", "status": "completed", "call_id": "c", "name": "handoff_to_human"}
        sound_begins(bench)
        bench.model("response.output_item.done", item=call)
        sound_ends(bench, "Stop.")

        assert bench.tools == []

    def test_told_late_has_its_answer_asked_for(self, bench: Bench) -> None:
        """It was one by its length; by then the server had heard its end, and could begin nothing."""
        sound_begins(bench)
        bench.wait(700)
        assert bench.sent_to_model("response.cancel") != []

        bench.model("input_audio_buffer.speech_stopped", item_id="item_u2", audio_end_ms=9000)
        ends(bench, "cancelled")

        assert len(bench.sent_to_model("response.create")) == 1


def may_answer(bench: Bench) -> list[bool]:
    """What the server was told of the ends of the caller's speech, after the session's beginning."""
    updates = [event["session"]["audio"]["input"] for event in bench.sent_to_model("session.update")[1:]]
    return [update["turn_detection"]["create_response"] for update in updates]


def server_reads(bench: Bench) -> None:
    """It has taken everything that it was told about the end of speech."""
    [*_, update] = bench.sent_to_model("session.update")
    bench.model("session.updated", session=update["session"])


class TestServerThatReads:
    """One that answers at the end of speech by itself would fail over an answer that is not over."""

    def test_is_told_not_to_answer_a_sound_over_its_answer(self, bench: Bench) -> None:
        before = bench.sent_to_model("session.update")[0]["session"]["audio"]["input"]

        sound_begins(bench)

        [_, told] = bench.sent_to_model("session.update")
        detection = before["turn_detection"] | {"create_response": False}
        assert told["session"] == {"type": "realtime", "audio": {"input": before | {"turn_detection": detection}}}

    def test_may_answer_the_next_words_after_a_backchannel(self, bench: Bench) -> None:
        sound_begins(bench)
        server_reads(bench)
        sound_stops(bench)
        bench.model("conversation.item.input_audio_transcription.completed", item_id="item_u2", transcript="Mhm.")

        assert may_answer(bench) == [False, True]
        assert bench.sent_to_model("response.create") == []

    def test_is_asked_once_for_the_answer_to_a_short_interruption(self, bench: Bench) -> None:
        sound_begins(bench)
        server_reads(bench)
        sound_stops(bench)
        bench.model("conversation.item.input_audio_transcription.completed", item_id="item_u2", transcript="Stop.")
        assert bench.sent_to_model("response.create") == []

        ends(bench, "cancelled")
        server_reads(bench)

        assert len(bench.sent_to_model("response.create")) == 1

    def test_answers_an_interruption_that_lasts_by_itself(self, bench: Bench) -> None:
        sound_begins(bench)
        server_reads(bench)
        bench.wait(1500)
        assert may_answer(bench) == [False, True]
        ends(bench, "cancelled")
        server_reads(bench)

        sound_stops(bench)
        bench.model("response.created", response={"id": "resp_2"})

        assert bench.sent_to_model("response.create") == []
        assert [event["response_id"] for event in bench.sent_to_model("response.cancel")] == ["resp_1"]

    def test_that_has_not_read_it_when_the_caller_stops_is_asked(self, bench: Bench) -> None:
        sound_begins(bench)
        server_reads(bench)
        bench.wait(1500)
        ends(bench, "cancelled")

        sound_stops(bench)
        server_reads(bench)

        assert len(bench.sent_to_model("response.create")) == 1

    def test_may_answer_a_sound_that_outlasts_the_answer(self, bench: Bench) -> None:
        sound_begins(bench)
        server_reads(bench)
        ends(bench)
        assert may_answer(bench) == [False, True]
        server_reads(bench)

        sound_stops(bench)
        bench.model("conversation.item.input_audio_transcription.completed", item_id="item_u2", transcript="Stop.")

        assert bench.sent_to_model("response.create") == []

    @pytest.mark.parametrize("read", ["before the words", "after the words"])
    def test_is_asked_once_when_its_answer_ended_just_before_the_sound(self, bench: Bench, read: str) -> None:
        sound_begins(bench)
        server_reads(bench)
        ends(bench)
        sound_stops(bench)

        if read == "before the words":
            server_reads(bench)
        bench.model("conversation.item.input_audio_transcription.completed", item_id="item_u2", transcript="Stop.")
        if read == "after the words":
            server_reads(bench)

        assert len(bench.sent_to_model("response.create")) == 1

    def test_that_is_replaced_meanwhile_is_told_nothing_of_it(self, bench: Bench) -> None:
        sound_begins(bench)
        server_reads(bench)

        bench.session.reconnect(ResumeNotes("Go on.", "Answer."), bench.now)
        bench.take()

        assert may_answer(bench)[-1] is True
        assert len(bench.sent_to_model("session.update")) == 3
