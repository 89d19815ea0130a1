"""The keyless answerer: when it asks for a person, when for a callback."""

from typing import Any

import pytest

from firstline.speech.answer import Call, Entry, Say, Words
from firstline.speech.history import UNKNOWN_CALL
from tests.speech.conversing import CALL_SID, EN, answer, arguments, looked_up, says, used


class TestHandoff:
    @pytest.mark.parametrize(
        ("words", "reason"),
        [
            ("I want to talk to a real person.", "caller_request"),
            ("I was charged twice on my last invoice.", "must_refuse_category"),
            ("I want a refund and please call me back tomorrow at nine.", "must_refuse_category"),
            ("Cancel my subscription.", "must_refuse_category"),
        ],
    )
    def test_what_only_a_person_may_handle_is_not_looked_up(self, words: str, reason: str) -> None:
        assert arguments(answer(says(words)), "handoff_to_human")["reason"] == reason

    def test_carries_the_call_and_what_was_found(self) -> None:
        entries = [*looked_up("How do I reset my password?"), Words("assistant", "Choose Forgot password.")]

        given = arguments(answer(*entries, says("Let me talk to an agent.")), "handoff_to_human")

        state = given["call_state"]
        assert (state["call_sid"], state["language"]) == (CALL_SID, "en")
        assert state["retrieved_chunk_ids"] == ["kb_0123456789ab"]
        assert given["confidence"] == 0.9

    def test_summary_is_two_true_sentences(self) -> None:
        entries = [*looked_up("How do I reset my password?"), Words("assistant", "Choose Forgot password.")]

        call = answer(*entries, says("Let me talk to an agent."))

        assert arguments(call, "handoff_to_human")["call_state"]["transcript_summary"] == (
            "The caller asked “How do I reset my password?” and then said “Let me talk to an agent”. "
            "The nearest article was “Reset your password”, with confidence 0.90."
        )

    def test_summary_never_exceeds_the_schema(self) -> None:
        call = answer(says("I want to talk to a person because " + "very " * 500 + "long."))

        assert len(arguments(call, "handoff_to_human")["call_state"]["transcript_summary"]) <= 800

    @pytest.mark.parametrize(("confidence", "reason"), [(0.69, "low_confidence"), (0.1, "out_of_scope")])
    def test_an_unsure_look_up_asks_for_a_person(self, confidence: float, reason: str) -> None:
        call = answer(*looked_up("Who won the match?", confidence))

        assert arguments(call, "handoff_to_human")["reason"] == reason

    def test_at_the_gates_threshold_it_answers(self) -> None:
        assert isinstance(answer(*looked_up("How do I reset my password?", 0.7)), Say)

    def test_an_unsure_look_up_without_the_tool_says_so(self) -> None:
        said = answer(*looked_up("Who won the match?", 0.1), tools=frozenset({"lookup_article"}))

        assert said == Say(EN.no_answer)

    def test_a_refusal_of_the_gate_is_spoken_and_not_repeated(self) -> None:
        say = "I may be able to answer that myself."
        entries = looked_up("Who won?", 0.5) + used("handoff_to_human", {}, {"accepted": False, "say": say})

        assert answer(*entries) == Say(say)

    def test_a_session_that_names_no_call_still_gives_valid_arguments(self) -> None:
        call = answer(says("I want to talk to a person."), instructions="")

        assert arguments(call, "handoff_to_human")["call_state"]["call_sid"] == UNKNOWN_CALL

    def test_a_call_named_by_a_system_message_is_the_call(self) -> None:
        """Instructions that all calls share can name none."""
        note = Words("system", f"call_sid: {CALL_SID}")

        call = answer(note, says("I want to talk to a person."), instructions="")

        assert arguments(call, "handoff_to_human")["call_state"]["call_sid"] == CALL_SID

    def test_a_yes_to_an_offered_person_asks_for_one(self) -> None:
        offered = Words("assistant", "I can't reach our help centre. I can connect you with a person instead.")

        call = answer(says("How?"), offered, says("Yes, please."))

        assert arguments(call, "handoff_to_human")["reason"] == "caller_request"


class TestCallback:
    @pytest.mark.parametrize(
        ("words", "when"),
        [
            ("Call me back in one minute.", "in one minute"),
            ("Can you call me back tomorrow at nine?", "tomorrow at nine"),
            ("Could somebody ring me on Monday at ten thirty, please?", "on Monday at ten thirty"),
            ("Please call me tomorrow morning at 9 about my seats.", "tomorrow morning at 9"),
            ("I'd like a callback next week.", "next week"),
            ("Call me at 3 p.m. today.", "at 3 p.m. today"),
            ("Llámeme mañana a las nueve.", "mañana a las nueve"),
            ("¿Pueden llamarme en dos horas?", "en dos horas"),
        ],
    )
    def test_is_asked_for_in_the_callers_own_time_words(self, words: str, when: str) -> None:
        assert arguments(answer(says(words)), "schedule_callback")["when"] == when

    def test_without_a_time_it_asks_for_one_and_takes_the_next(self) -> None:
        asked = answer(says("Please call me back."))
        assert asked == Say(EN.ask_time)

        call = answer(says("Please call me back."), Words("assistant", EN.ask_time), says("Tomorrow at nine."))

        assert arguments(call, "schedule_callback")["when"] == "Tomorrow at nine"

    def test_a_time_that_could_not_be_booked_may_be_changed(self) -> None:
        refused: dict[str, Any] = {
            "booked": False,
            "say": "I can't book that: it has passed. Which other time would suit you?",
        }
        entries = [says("Call me back at nine."), *used("schedule_callback", {}, refused)]

        call = answer(*entries, Words("assistant", refused["say"]), says("In half an hour."))

        assert arguments(call, "schedule_callback")["when"] == "In half an hour"

    def test_once_booked_a_time_in_a_question_books_nothing(self) -> None:
        booked: dict[str, Any] = {"booked": True, "say": "Done. We will call you back tomorrow at 9:00 AM."}
        entries = [says("Call me back at nine."), *used("schedule_callback", {}, booked)]

        call = answer(*entries, Words("assistant", booked["say"]), says("Can I approve leave for next week?"))

        assert isinstance(call, Call)
        assert call.name == "lookup_article"

    @pytest.mark.parametrize(
        ("entries", "topic"),
        [
            ([says("Call me tomorrow at nine about my invoice number 12345.")], "my invoice number"),
            (
                [says("How do I add seats?"), Words("assistant", "…"), says("Call me back in one minute.")],
                "How do I add seats?",
            ),
            ([says("Call me back in one minute.")], "the call"),
        ],
    )
    def test_topic_is_what_they_wanted_and_nothing_personal(self, entries: list[Entry], topic: str) -> None:
        assert arguments(answer(*entries), "schedule_callback")["topic"] == topic

    @pytest.mark.parametrize(
        "words",
        [
            "Cancel my callback.",
            "Please cancel the call back for tomorrow at nine.",
            "Don't call me back, I found it.",
            "You don't need to call me tomorrow.",
            "I no longer need that callback.",
            "I don't want to be called back any more.",
            "No need to ring me, thanks.",
            "Ya no me llamen, por favor.",
            "No hace falta que me llamen mañana.",
            "Cancele la llamada, por favor.",
            "Quiero cancelar mi llamada.",
        ],
    )
    def test_that_is_not_wanted_any_more_is_cancelled(self, words: str) -> None:
        assert arguments(answer(says(words)), "schedule_callback") == {"action": "cancel"}

    def test_that_is_wanted_at_another_time_is_not_cancelled(self) -> None:
        assert answer(says("Don't call me back tomorrow, call me on Friday.")) == Say(EN.ask_time)

    @pytest.mark.parametrize(
        "words", ["Cancel my subscription.", "How do I cancel a call in the app?", "I forgot my password."]
    )
    def test_is_not_cancelled_by_other_words(self, words: str) -> None:
        call = answer(says(words))

        assert isinstance(call, Call)
        assert call.name != "schedule_callback"

    def test_once_cancelled_a_time_in_a_question_books_nothing(self) -> None:
        cancelled: dict[str, Any] = {"cancelled": True, "say": "Done. We won't call you back."}
        entries = [says("Cancel my callback."), *used("schedule_callback", {"action": "cancel"}, cancelled)]

        call = answer(*entries, Words("assistant", cancelled["say"]), says("Can I approve leave for next week?"))

        assert isinstance(call, Call)
        assert call.name == "lookup_article"

    def test_a_question_about_callbacks_books_none(self) -> None:
        call = answer(says("How do I set up a callback in the app?"))

        assert isinstance(call, Call)
        assert call.name == "lookup_article"

    def test_the_result_is_spoken(self) -> None:
        entries = [
            says("Call me back in one minute."),
            *used("schedule_callback", {}, {"booked": True, "say": "Done."}),
        ]

        assert answer(*entries) == Say("Done.")
