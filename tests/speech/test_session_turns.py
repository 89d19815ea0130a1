"""The caller's turns: events, their order, and the work done ahead of a turn's end."""

from typing import Any

from firstline.speech.commands import Answer, Transcribe
from firstline.speech.transcript import Transcript
from tests.speech.driver import LOUD, PHONE, QUIET, Driver, only, types

TURN_EVENTS = [
    "conversation.item.input_audio_transcription.delta",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
    "conversation.item.input_audio_transcription.completed",
    "response.created",
]


def with_detection(**fields: Any) -> dict[str, Any]:
    detection = {"type": "server_vad", **fields}
    audio = {**PHONE["audio"], "input": {**PHONE["audio"]["input"], "turn_detection": detection}}
    return {**PHONE, "audio": audio}


class TestTurn:
    def test_events_come_in_the_protocols_order(self) -> None:
        driver = Driver()

        events = driver.turn("How long does it take?")

        assert types(events) == ["input_audio_buffer.speech_started", *TURN_EVENTS]

    def test_one_item_id_runs_through_the_turn(self) -> None:
        driver = Driver()

        events = driver.turn("How long does it take?")

        started = only(events, "input_audio_buffer.speech_started")
        assert only(events, "input_audio_buffer.committed")["item_id"] == started["item_id"]
        assert only(events, "conversation.item.added")["item"]["id"] == started["item_id"]

    def test_positions_include_the_padding_and_the_silence(self) -> None:
        driver = Driver()
        driver.hear(QUIET, 1000)

        events = driver.turn("Hello?")

        # Speech from 1000 to 2000 ms; 300 ms of padding before it, 500 ms of silence after it, in frames of 32 ms.
        assert abs(only(events, "input_audio_buffer.speech_started")["audio_start_ms"] - 700) <= 32
        assert abs(only(events, "input_audio_buffer.speech_stopped")["audio_end_ms"] - 2500) <= 64

    def test_the_answerer_is_asked_with_what_was_said(self) -> None:
        driver = Driver()

        driver.turn("How long does it take?")

        request = driver.last(Answer).request
        assert [entry.text for entry in request.entries] == ["How long does it take?"]
        assert request.tools == {"lookup_article"}


class TestWorkAhead:
    def test_transcription_begins_in_the_pause(self) -> None:
        driver = Driver()
        driver.hear(LOUD, 600)

        events = driver.hear(QUIET, 300)

        assert events == []
        assert not driver.last(Transcribe).optional

    def test_a_transcript_made_in_the_pause_is_complete_with_the_end_of_speech(self) -> None:
        driver = Driver()
        driver.hear(LOUD, 600)
        driver.hear(QUIET, 300)
        before = driver.transcribed("Hello there.")

        events = driver.hear(QUIET, 300)

        assert types(before) == ["conversation.item.input_audio_transcription.delta"]
        completed = only(events, "conversation.item.input_audio_transcription.completed")
        assert completed["transcript"] == "Hello there."

    def test_a_pause_that_was_no_end_is_transcribed_again(self) -> None:
        driver = Driver()
        driver.hear(LOUD, 600)
        driver.hear(QUIET, 300)
        driver.transcribed("I would like to")
        driver.hear(LOUD, 600)
        driver.hear(QUIET, 300)
        driver.transcribed("I would like to reset my password.")

        events = driver.hear(QUIET, 300)

        completed = only(events, "conversation.item.input_audio_transcription.completed")
        assert completed["transcript"] == "I would like to reset my password."

    def test_a_late_transcript_holds_the_answer_back_and_nothing_else(self) -> None:
        driver = Driver()
        driver.hear(LOUD, 600)
        events = driver.hear(QUIET, 600)
        assert types(events)[-1] == "response.created"
        assert not any(isinstance(command, Answer) for command in driver.commands)

        driver.transcribed("Hello?")

        assert driver.last(Answer).request.entries[-1].text == "Hello?"

    def test_glimpses_of_a_long_turn_become_deltas(self) -> None:
        driver = Driver()
        driver.hear(LOUD, 1000)
        first = driver.transcribed("how long does")
        driver.hear(LOUD, 1000)

        events = driver.transcribed("How long does it take")

        assert first == []
        assert only(events, "conversation.item.input_audio_transcription.delta")["delta"] == "How long does"

    def test_the_words_are_told_in_the_pause_that_may_be_the_last(self) -> None:
        driver = Driver()
        driver.hear(LOUD, 700)
        driver.hear(QUIET, 300)

        events = driver.transcribed("How long does it take?")

        assert only(events, "conversation.item.input_audio_transcription.delta")["delta"] == "How long does it take?"

    def test_a_caller_who_goes_on_after_a_pause_is_told_of_further(self) -> None:
        driver = Driver()
        driver.hear(LOUD, 700)
        driver.hear(QUIET, 300)
        driver.transcribed("How long")
        driver.hear(LOUD, 700)
        driver.hear(QUIET, 300)

        events = driver.transcribed("How long does it take?")

        assert only(events, "conversation.item.input_audio_transcription.delta")["delta"] == " does it take?"

    def test_a_failed_transcription_is_told(self) -> None:
        driver = Driver()
        driver.hear(LOUD, 600)
        driver.hear(QUIET, 600)

        driver.session.transcribed(driver.last(Transcribe).ticket, None)

        assert "conversation.item.input_audio_transcription.failed" in types(driver.collect())

    def test_a_transcript_of_a_cleared_turn_is_dropped(self) -> None:
        driver = Driver()
        driver.hear(LOUD, 600)
        driver.hear(QUIET, 300)
        driver.send({"type": "input_audio_buffer.clear"})

        assert driver.transcribed("Hello?") == []


class TestConfiguration:
    def test_without_transcription_the_client_is_not_told_but_the_answerer_is(self) -> None:
        update = {**PHONE, "audio": {"input": {"format": {"type": "audio/pcmu"}}}}
        driver = Driver(update=update)

        events = driver.turn("Hello?")

        assert not any("transcription" in kind for kind in types(events))
        assert driver.last(Answer).request.entries[-1].text == "Hello?"

    def test_create_response_false_leaves_the_answer_to_the_client(self) -> None:
        driver = Driver(update=with_detection(create_response=False))

        assert "response.created" not in types(driver.turn("Hello?"))

    def test_the_words_to_expect_reach_the_transcriber(self) -> None:
        driver = Driver()
        input_change = {"transcription": {"model": "whisper-1", "language": "en", "prompt": "Meridian, timesheet"}}
        driver.send({"type": "session.update", "session": {"type": "realtime", "audio": {"input": input_change}}})

        driver.turn("Hello?")

        command = driver.last(Transcribe)
        assert (command.language, command.prompt) == ("en", "Meridian, timesheet")


class TestManualMode:
    UPDATE = with_detection()

    def driver(self) -> Driver:
        driver = Driver()
        change = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
        driver.send({"type": "session.update", "session": change})
        return driver

    def test_nothing_happens_until_the_client_commits(self) -> None:
        driver = self.driver()

        assert driver.hear(LOUD, 1000) + driver.hear(QUIET, 2000) == []

    def test_commit_makes_an_item_and_no_response(self) -> None:
        driver = self.driver()
        driver.hear(LOUD, 1000)

        events = driver.send({"type": "input_audio_buffer.commit"}) + driver.transcribed("Hello?")

        assert types(events) == [
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            "conversation.item.input_audio_transcription.delta",
            "conversation.item.input_audio_transcription.completed",
        ]

    def test_the_response_waits_for_the_transcript(self) -> None:
        driver = self.driver()
        driver.hear(LOUD, 1000)
        driver.send({"type": "input_audio_buffer.commit"})
        driver.send({"type": "response.create"})
        assert not any(isinstance(command, Answer) for command in driver.commands)

        driver.transcribed("Hello?")

        assert driver.last(Answer).request.entries[-1].text == "Hello?"

    def test_an_empty_buffer_cannot_be_committed(self) -> None:
        events = self.driver().send({"type": "input_audio_buffer.commit"})

        assert only(events, "error")["error"]["code"] == "input_audio_buffer_commit_empty"


class TestIdleTimeout:
    def test_a_silent_caller_is_spoken_to_again(self) -> None:
        driver = Driver(update=with_detection(idle_timeout_ms=5000))
        driver.say_something(ms=2000)

        before = driver.hear(QUIET, 6900)
        events = driver.hear(QUIET, 200)

        assert before == []
        assert types(events)[:2] == ["input_audio_buffer.timeout_triggered", "input_audio_buffer.committed"]
        assert "response.created" in types(events)

    def test_who_speaks_is_not_idle(self) -> None:
        driver = Driver(update=with_detection(idle_timeout_ms=5000))
        driver.say_something(ms=2000)
        driver.turn("Hello?")

        assert "input_audio_buffer.timeout_triggered" not in types(driver.hear(QUIET, 9000))


def test_a_transcript_names_its_language() -> None:
    driver = Driver()
    driver.hear(LOUD, 600)
    driver.hear(QUIET, 600)

    driver.session.transcribed(driver.last(Transcribe).ticket, Transcript("Hola", "es", -0.2, 0.0))

    completed = only(driver.collect(), "conversation.item.input_audio_transcription.completed")
    assert completed["languages"] == [{"code": "es"}]
