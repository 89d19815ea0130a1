"""The keyless answerer: which tool it calls, and that it says only what a tool returned or a courtesy."""

import json
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from firstline.speech.answer import Call, Entry, Request, Say, ToolCall, ToolOutput, Words
from firstline.speech.extract import extract
from firstline.speech.history import UNKNOWN_CALL
from firstline.speech.phrases import COURTESIES
from firstline.speech.policy import ToolBoundAnswerer
from realtime_bridge.tools.schemas import tool_schemas

TOOLS = frozenset({"lookup_article", "handoff_to_human", "schedule_callback"})
CALL_SID = "CA" + "ab" * 16
INSTRUCTIONS = f"Answer from passages.\ncall_sid: {CALL_SID}\nlanguage: en\n"
EN = COURTESIES["en"]

RESET: dict[str, Any] = {
    "chunk_id": "kb_0123456789ab",
    "article_id": "reset-password",
    "title": "Reset your password",
    "heading": "",
    "text": "# Reset your password\n\nTo reset your password, choose **Forgot password?** and open the link that we "
    "send you. The link works once and is valid for 60 minutes.\n\n## Steps\n\n1. Go to **Settings > Security**.\n"
    "2. Choose **Reset**.\n3. Type the new password.\n4. Choose **Save**.\n5. Sign in again.\n\n"
    "See also: [Two-factor](two-factor.md).",
    "similarity": 0.8,
}


def answer(*entries: Entry, tools: frozenset[str] = TOOLS, instructions: str = INSTRUCTIONS) -> Say | Call:
    return ToolBoundAnswerer().decide(Request(list(entries), instructions, tools))


def says(text: str) -> Words:
    return Words("user", text)


def used(name: str, arguments: dict[str, Any], output: Any) -> list[Entry]:
    raw = output if isinstance(output, str) else json.dumps(output)
    return [ToolCall("c1", name, json.dumps(arguments)), ToolOutput("c1", raw)]


def looked_up(question: str, confidence: float = 0.9, *found: dict[str, Any]) -> list[Entry]:
    output = {"passages": list(found or (RESET,)), "confidence": confidence}
    return [says(question), *used("lookup_article", {"query": question}, output)]


def arguments(call: Say | Call, name: str) -> dict[str, Any]:
    """The arguments of the expected call, valid by the bridge's own schema."""
    assert isinstance(call, Call), f"said {call.text!r}"
    assert call.name == name
    parsed = json.loads(call.arguments)
    schema = next(schema for schema in tool_schemas() if schema["name"] == name)
    Draft202012Validator(schema["parameters"]).validate(parsed)
    return dict(parsed)


class TestQuestions:
    def test_are_looked_up_in_the_callers_words(self) -> None:
        call = answer(says("How do I reset my password?"))

        assert arguments(call, "lookup_article") == {"query": "How do I reset my password?"}

    @pytest.mark.parametrize(
        "follow_up", ["And how long does that take?", "What about for admins?", "Is it valid for long?"]
    )
    def test_a_follow_up_is_made_to_stand_on_its_own(self, follow_up: str) -> None:
        before = [*looked_up("How do I reset my password?"), Words("assistant", "Choose Forgot password.")]

        query = arguments(answer(*before, says(follow_up)), "lookup_article")["query"]

        assert "password" in query
        assert "reset" in query

    def test_a_question_that_stands_on_its_own_is_left_alone(self) -> None:
        before = [*looked_up("How do I reset my password?"), Words("assistant", "Choose Forgot password.")]

        query = arguments(answer(*before, says("How many seats does the Team plan have?")), "lookup_article")["query"]

        assert query == "How many seats does the Team plan have?"

    def test_without_the_tool_it_says_that_it_cannot_help(self) -> None:
        assert answer(says("How do I reset my password?"), tools=frozenset()) == Say(EN.unable)

    def test_a_sentence_with_a_pause_in_it_is_one_question(self) -> None:
        """The first half was looked up already; nothing was said yet."""
        first = [says("How do I reset"), *used("lookup_article", {"query": "How do I reset"}, {"passages": []})]

        query = arguments(answer(*first, says("my password?")), "lookup_article")["query"]

        assert query.startswith("How do I reset my password?")

    def test_a_cough_during_the_look_up_does_not_lose_the_question(self) -> None:
        query = arguments(answer(says("How do I add seats?"), Words("assistant", ""), says("")), "lookup_article")[
            "query"
        ]

        assert query == "How do I add seats?"


class TestAnswers:
    def test_are_sentences_of_the_passage_without_its_marks(self) -> None:
        said = answer(*looked_up("How do I reset my password?"))

        assert isinstance(said, Say)
        assert said.text.startswith("To reset your password, choose Forgot password? and open the link")
        assert "*" not in said.text

    def test_take_the_sentence_that_answers(self) -> None:
        said = answer(*looked_up("How long is the link valid?"))

        assert said == Say("The link works once and is valid for 60 minutes.")

    def test_are_short_enough_to_listen_to(self) -> None:
        wordy = {**RESET, "text": "Word " * 30 + "one. " + "Word " * 40 + "two. Three."}

        said = answer(*looked_up("word one", 0.9, wordy))

        assert isinstance(said, Say)
        assert said.text.endswith("one.")

    def test_steps_begin_with_the_first_and_offer_to_go_on(self) -> None:
        steps = {**RESET, "text": RESET["text"].partition("## Steps")[2]}

        said = answer(*looked_up("Where do I type the new password?", 0.9, steps))

        assert said == Say("Go to Settings, then Security. Choose Reset. Type the new password. " + EN.go_on)

    def test_go_on_says_the_remaining_steps(self) -> None:
        steps = {**RESET, "text": RESET["text"].partition("## Steps")[2]}
        first = answer(*looked_up("Where do I type the new password?", 0.9, steps))
        assert isinstance(first, Say)

        rest = answer(*looked_up("Where?", 0.9, steps), Words("assistant", first.text), says("Yes, please."))

        assert rest == Say("Choose Save. Sign in again.")

    def test_another_articles_sentences_are_never_mixed_in(self) -> None:
        other = {
            **RESET,
            "article_id": "seats",
            "text": "The link is valid for 7 days. The link is valid for a teammate.",
        }

        said = answer(*looked_up("How long is the link valid?", 0.9, RESET, other))

        assert said == Say("The link works once and is valid for 60 minutes.")

    def test_meaning_can_refine_the_choice(self) -> None:
        """A stand-in for a sentence embedding that finds the second sentence nearest."""
        passage = {**RESET, "text": "Alpha beta gamma. Delta epsilon zeta."}

        def embed(texts: list[str]) -> np.ndarray:
            return np.array(
                [[1.0, 0.0] if "Delta" in text or "?" in text else [0.0, 1.0] for text in texts], np.float32
            )

        found = extract("What comes fourth?", [passage], embed)

        assert found is not None
        assert found.text == "Delta epsilon zeta."

    @pytest.mark.parametrize("text", ["", "| a | b |\n|---|---|", "See also: [x](y.md)"])
    def test_a_passage_with_nothing_to_say_is_no_answer(self, text: str) -> None:
        call = answer(*looked_up("How?", 0.9, {**RESET, "text": text}))

        assert isinstance(call, Call)
        assert call.name == "handoff_to_human"


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


class TestCourtesies:
    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ("Hello?", EN.prompt),
            ("Um, hello? Are you there?", EN.prompt),
            ("", EN.not_heard),
            ("Okay, thank you very much.", EN.welcome),
            ("No, that's all, thanks.", EN.goodbye),
            ("Goodbye.", EN.goodbye),
        ],
    )
    def test_need_no_tool(self, words: str, said: str) -> None:
        assert answer(Words("assistant", "Hi."), says(words)) == Say(said)

    def test_thanks_before_a_question_do_not_hide_it(self) -> None:
        call = answer(says("Thank you. And how do I add a seat?"))

        assert isinstance(call, Call)

    def test_repeats_what_it_said(self) -> None:
        assert answer(Words("assistant", "Seven days."), says("Could you repeat that?")) == Say("Seven days.")

    def test_speaks_the_sessions_language(self) -> None:
        said = answer(says("Hola."), instructions="language: en\nlanguage: es")

        assert said == Say(COURTESIES["es"].prompt, "es")

    def test_speaks_words_that_the_instructions_dictate(self) -> None:
        said = answer(says("…"), instructions='Say exactly: "Are you still there?"')

        assert said == Say("Are you still there?")

    def test_every_language_has_every_phrase(self) -> None:
        for phrases in COURTESIES.values():
            assert all(getattr(phrases, field.name).strip() for field in fields(phrases))


class TestBrokenTools:
    def test_an_error_without_words_is_apologised_for(self) -> None:
        assert answer(says("How?"), *used("lookup_article", {}, {"error": "boom"})) == Say(EN.trouble)

    def test_a_plain_text_answer_is_spoken(self) -> None:
        assert answer(says("How?"), *used("lookup_article", {}, "It takes seven days.")) == Say("It takes seven days.")

    @pytest.mark.parametrize("output", ["", "[]", "5", '{"passages": 5}', '{"passages": [5]}', '{"say": 5}'])
    def test_nonsense_does_not_break_it(self, output: str) -> None:
        assert isinstance(answer(says("How?"), *used("lookup_article", {}, output)), Say | Call)
