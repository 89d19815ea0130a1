"""Responses: their events, one at a time, cancelled, interrupted, limited, counted."""

from typing import Any

import pytest

from firstline.speech.answer import Begun, Call, CallArguments, CallBegun, CallEnded, CutShort, Say, Spent, Words
from firstline.speech.commands import Answer, Speak, SpeakNoMore, SpeakOn, Stop
from tests.speech.driver import LOUD, PHONE, Driver, only, types


class TestSpokenResponse:
    def test_events_come_in_the_protocols_order(self) -> None:
        events = Driver().say_something("Seven days.", ms=400)

        assert types(events) == [
            "response.created",
            "response.output_item.added",
            "conversation.item.added",
            "response.content_part.added",
            "response.output_audio_transcript.delta",
            "response.output_audio.delta",
            "response.output_audio.delta",
            "response.output_audio.done",
            "response.output_audio_transcript.done",
            "response.content_part.done",
            "conversation.item.done",
            "response.output_item.done",
            "response.done",
        ]

    def test_pieces_joined_are_the_transcript(self) -> None:
        driver = Driver()
        driver.send({"type": "response.create"})
        driver.answer(Say("It takes seven days, or more."))

        events = driver.speak("It takes seven days,", 800) + driver.speak("or more.", 300) + driver.spoken()

        deltas = [event["delta"] for event in events if event["type"] == "response.output_audio_transcript.delta"]
        assert "".join(deltas) == "It takes seven days, or more."
        done = only(events, "response.output_audio_transcript.done")
        assert done["transcript"] == "It takes seven days, or more."

    def test_what_was_sent_does_not_change_afterwards(self) -> None:
        events = Driver().say_something()

        assert only(events, "response.output_item.added")["item"]["content"] == []
        assert only(events, "response.created")["response"]["status"] == "in_progress"

    def test_what_comes_later_is_added_to_what_the_voice_is_speaking(self) -> None:
        driver = Driver()
        driver.send({"type": "response.create"})

        driver.answer(Say("One."), Say("Two."))

        voice = [command for command in driver.commands if isinstance(command, Speak | SpeakOn | SpeakNoMore)]
        assert [getattr(command, "text", None) for command in voice] == ["One.", "Two.", None]

    def test_another_language_waits_until_the_first_is_spoken(self) -> None:
        driver = Driver()
        driver.send({"type": "response.create"})
        driver.answer(Say("One.", "en"), Say("Dos.", "es"))
        assert driver.last(Speak).text == "One."

        driver.speak("One.", 200)
        driver.spoken()

        assert (driver.last(Speak).text, driver.last(Speak).language) == ("Dos.", "es")


class TestToolCall:
    def test_a_call_is_an_item_of_its_own(self) -> None:
        driver = Driver()
        driver.send({"type": "response.create"})

        events = driver.answer(Call("lookup_article", '{"query": "seats"}'))

        assert types(events) == [
            "response.output_item.added",
            "conversation.item.added",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "conversation.item.done",
            "response.output_item.done",
            "response.done",
        ]
        item = only(events, "response.output_item.done")["item"]
        assert (item["type"], item["name"], item["status"]) == ("function_call", "lookup_article", "completed")

    def test_its_answer_is_read_by_the_next_response(self) -> None:
        driver = Driver()
        driver.send({"type": "response.create"})
        call_id = only(driver.answer(Call("lookup_article", "{}")), "response.output_item.done")["item"]["call_id"]
        output = {"type": "function_call_output", "call_id": call_id, "output": "seven days"}

        events = driver.send({"type": "conversation.item.create", "item": output})
        driver.send({"type": "response.create"})

        assert types(events) == ["conversation.item.added", "conversation.item.done"]
        assert driver.last(Answer).request.entries[-1].output == "seven days"

    def test_arguments_are_passed_on_while_they_are_written(self) -> None:
        driver = Driver()
        driver.send({"type": "response.create"})
        response_id = driver.last(Answer).response_id

        driver.session.responding.answered(response_id, CallBegun("lookup_article", "call_of_the_model"))
        driver.session.responding.answered(response_id, CallArguments('{"query": '))
        begun = driver.collect()
        events = driver.answer(CallArguments('"seats"}'), CallEnded())

        assert types(begun)[-1] == "response.function_call_arguments.delta"
        done = only(events, "response.function_call_arguments.done")
        assert (done["call_id"], done["arguments"]) == ("call_of_the_model", '{"query": "seats"}')
        assert only(events, "response.output_item.done")["item"]["status"] == "completed"

    def test_a_call_waits_for_the_words_before_it(self) -> None:
        driver = Driver()
        driver.send({"type": "response.create"})

        events = driver.answer(Say("One moment."), Call("lookup_article", "{}"))
        events += driver.speak("One moment.", 300)
        assert "response.function_call_arguments.done" not in types(events)

        assert "response.function_call_arguments.done" in types(driver.spoken())

    def test_a_call_that_is_cut_short_is_no_call(self) -> None:
        driver = Driver()
        driver.send({"type": "response.create"})
        response_id = driver.last(Answer).response_id
        driver.session.responding.answered(response_id, CallBegun("lookup_article", "call_1"))
        driver.session.responding.answered(response_id, CallArguments('{"que'))

        events = driver.send({"type": "response.cancel"})
        driver.send({"type": "response.create"})

        assert only(events, "response.output_item.done")["item"]["status"] == "incomplete"
        assert driver.last(Answer).request.entries == []

    def test_a_choice_of_one_function_leaves_only_that(self) -> None:
        driver = Driver()
        choice = {"type": "function", "name": "lookup_article"}

        driver.send({"type": "response.create", "response": {"tool_choice": choice}})

        request = driver.last(Answer).request
        assert (request.choice, request.tools) == ("lookup_article", {"lookup_article"})

    def test_tool_choice_none_offers_no_tool(self) -> None:
        driver = Driver()

        driver.send({"type": "response.create", "response": {"tool_choice": "none"}})

        assert driver.last(Answer).request.tools == frozenset()


class TestOneAtATime:
    def test_a_second_response_is_refused_while_one_is_under_way(self) -> None:
        driver = Driver()
        driver.send({"type": "response.create"})

        events = driver.send({"type": "response.create", "event_id": "mine"})

        error = only(events, "error")["error"]
        assert (error["code"], error["event_id"]) == ("conversation_already_has_active_response", "mine")

    def test_after_done_the_next_may_begin(self) -> None:
        driver = Driver()
        driver.say_something()

        assert types(driver.send({"type": "response.create"})) == ["response.created"]

    def test_out_of_band_runs_beside_it_and_leaves_no_item(self) -> None:
        driver = Driver()
        driver.send({"type": "response.create"})
        text = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Summarise."}]}
        asked = {"conversation": "none", "input": [text], "output_modalities": ["text"], "metadata": {"for": "summary"}}

        events = driver.send({"type": "response.create", "response": asked}) + driver.answer(Say("A summary."))

        assert driver.last(Answer).request.entries == [Words("user", "Summarise.")]
        assert "conversation.item.added" not in types(events)
        assert only(events, "response.done")["response"]["metadata"] == {"for": "summary"}


class TestEndings:
    def speaking(self) -> Driver:
        driver = Driver()
        driver.send({"type": "response.create"})
        driver.answer(Say("It takes seven days, or more."))
        driver.speak("It takes seven days,", 800)
        return driver

    def test_cancelled_by_the_client(self) -> None:
        driver = self.speaking()

        done = only(driver.send({"type": "response.cancel"}), "response.done")["response"]

        assert (done["status"], done["status_details"]["reason"]) == ("cancelled", "client_cancelled")
        assert done["output"][0]["status"] == "incomplete"
        assert isinstance(driver.last(Stop), Stop)

    def test_interrupted_by_the_caller(self) -> None:
        driver = self.speaking()

        events = driver.hear(LOUD, 200)

        assert types(events)[0] == "input_audio_buffer.speech_started"
        done = only(events, "response.done")["response"]
        assert (done["status"], done["status_details"]["reason"]) == ("cancelled", "turn_detected")

    def test_not_interrupted_when_the_session_says_so(self) -> None:
        detection = {"type": "server_vad", "interrupt_response": False}
        driver = self.speaking()
        change = {"type": "realtime", "audio": {"input": {"turn_detection": detection}}}
        driver.send({"type": "session.update", "session": change})

        assert types(driver.hear(LOUD, 200)) == ["input_audio_buffer.speech_started"]

    def test_a_turn_that_ends_during_a_response_says_that_no_answer_comes(self) -> None:
        self_speaking = self.speaking()
        detection = {"type": "server_vad", "interrupt_response": False}
        change = {"type": "realtime", "audio": {"input": {"turn_detection": detection}}}
        self_speaking.send({"type": "session.update", "session": change})

        events = self_speaking.turn("Stop!")

        assert only(events, "error")["error"]["code"] == "conversation_already_has_active_response"

    def test_a_turn_that_ends_during_a_response_asks_for_nothing_when_the_session_says_so(self) -> None:
        """Said while the caller speaks: their turn goes on, and is one turn."""
        driver = self.speaking()
        detection = {"type": "server_vad", "interrupt_response": False, "create_response": False}
        events = driver.hear(LOUD, 200)
        change = {"type": "realtime", "audio": {"input": {"turn_detection": detection}}}
        events += driver.send({"type": "session.update", "session": change})

        events += driver.turn("Stop!")

        assert types(events).count("input_audio_buffer.speech_started") == 1
        assert types(events).count("input_audio_buffer.speech_stopped") == 1
        assert "error" not in types(events)

    def test_what_the_voice_still_makes_is_dropped(self) -> None:
        driver = self.speaking()
        driver.send({"type": "response.cancel"})

        assert driver.speak("or more.", 300) + driver.spoken() == []

    def test_nothing_to_cancel_is_an_error(self) -> None:
        error = only(Driver().send({"type": "response.cancel", "event_id": "e1"}), "error")["error"]

        assert (error["code"], error["event_id"]) == ("response_cancel_not_active", "e1")

    def test_a_voice_that_breaks_down_fails_the_response(self) -> None:
        driver = self.speaking()

        driver.session.responding.failed(driver.last(Speak).response_id, "speech_failed")

        done = only(driver.collect(), "response.done")["response"]
        assert done["status"] == "failed"
        assert done["status_details"]["error"] == {"type": "server_error", "code": "speech_failed"}

    def test_an_answerer_that_breaks_down_is_heard_as_far_as_it_came(self) -> None:
        driver = Driver()
        driver.send({"type": "response.create"})
        response_id = driver.last(Answer).response_id
        driver.session.responding.answered(response_id, Say("It takes seven days."))
        driver.collect()

        driver.session.responding.answer_failed(response_id, "rate_limit_exceeded")
        driver.speak("It takes seven days.", 800)

        done = only(driver.spoken(), "response.done")["response"]
        error = {"type": "rate_limit_exceeded", "code": "rate_limit_exceeded"}
        assert (done["status"], done["status_details"]["error"]) == ("failed", error)
        assert types(driver.send({"type": "response.create"})) == ["response.created"]

    @pytest.mark.parametrize("reason", ["max_output_tokens", "content_filter"])
    def test_what_the_model_cut_short_is_incomplete(self, reason: str) -> None:
        driver = Driver()
        driver.send({"type": "response.create"})
        driver.answer(Say("It takes"), CutShort(reason))
        driver.speak("It takes", 400)

        done = only(driver.spoken(), "response.done")["response"]

        assert (done["status"], done["status_details"]["reason"]) == ("incomplete", reason)

    def test_max_output_tokens_cuts_the_speech(self) -> None:
        driver = Driver()
        driver.send({"type": "response.create", "response": {"max_output_tokens": 20}})
        driver.answer(Say("It takes seven days, or more."))

        done = only(driver.speak("It takes seven days,", 1000), "response.done")["response"]

        assert (done["status"], done["status_details"]["reason"]) == ("incomplete", "max_output_tokens")


class TestText:
    def test_output_modality_text_speaks_nothing(self) -> None:
        driver = Driver()
        driver.send({"type": "response.create", "response": {"output_modalities": ["text"]}})

        events = driver.answer(Say("One."), Say("Two."))

        assert not any(isinstance(command, Speak) for command in driver.commands)
        assert only(events, "response.output_text.done")["text"] == "One. Two."
        assert only(events, "response.done")["response"]["output"][0]["content"][0]["type"] == "output_text"


class TestUsage:
    def test_counts_the_callers_and_the_agents_sound(self) -> None:
        """One token per 100 ms of the caller (1000 + 300 padding + 500 silence), one per 50 ms of the agent."""
        driver = Driver()
        driver.turn("Hello?")
        driver.answer(Say("Hi."))
        driver.speak("Hi.", 1000)

        usage = only(driver.spoken(), "response.done")["response"]["usage"]

        assert usage["input_token_details"]["audio_tokens"] == pytest.approx(16, abs=2)
        assert usage["output_token_details"] == {"text_tokens": 1, "audio_tokens": 20}
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]

    def test_the_conversation_is_read_again_and_the_known_part_is_cached(self) -> None:
        driver = Driver()
        first = only(driver.say_something(), "response.done")["response"]["usage"]

        second = only(driver.say_something(), "response.done")["response"]["usage"]

        assert first["input_token_details"]["cached_tokens"] == 0
        assert second["input_token_details"]["cached_tokens"] == first["input_tokens"]
        assert second["input_tokens"] > second["input_token_details"]["cached_tokens"]

    def test_what_the_model_counted_is_what_is_told(self) -> None:
        driver = Driver()
        driver.send({"type": "response.create"})
        driver.answer(Begun(), Say("Hi."), Spent(read=900, cached=640, written=12))
        driver.speak("Hi.", 1000)

        usage = only(driver.spoken(), "response.done")["response"]["usage"]

        assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (900, 12, 912)
        assert usage["input_token_details"]["cached_tokens"] == 640

    def test_output_counts_even_when_cut(self) -> None:
        driver = TestEndings().speaking()

        usage = only(driver.send({"type": "response.cancel"}), "response.done")["response"]["usage"]

        assert usage["output_token_details"]["audio_tokens"] == 16


def test_overrides_of_one_response_leave_the_session_as_it_is() -> None:
    driver = Driver(update={**PHONE, "instructions": "Be brief."})
    override: dict[str, Any] = {"instructions": "Say exactly: Hello.", "tools": []}

    driver.send({"type": "response.create", "response": override})
    overridden = driver.last(Answer).request
    driver.send({"type": "response.cancel"})
    driver.send({"type": "response.create"})

    assert (overridden.instructions, overridden.tools) == ("Say exactly: Hello.", frozenset())
    assert driver.last(Answer).request.instructions == "Be brief."
