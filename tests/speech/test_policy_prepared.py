"""The keyless answerer and the passages that the client found while the caller spoke."""

import json
from typing import Any

from firstline.speech.answer import Call, Entry, Say, ToolCall, ToolOutput, Words
from tests.speech.conversing import EN, RESET, answer, arguments, looked_up, says


def prepared(query: str, confidence: float = 0.9, *found: dict[str, Any]) -> list[Entry]:
    """A look-up that the client put into the conversation."""
    output = {"passages": list(found or (RESET,)), "confidence": confidence}
    call = ToolCall("g1", "lookup_article", json.dumps({"query": query}), given=True)
    return [call, ToolOutput("g1", json.dumps(output))]


class TestPreparedPassages:
    def test_are_answered_from_without_asking(self) -> None:
        said = answer(*prepared("How long is the link valid?"), says("How long is the link valid?"))

        assert said == Say("The link works once and is valid for 60 minutes.")

    def test_serve_when_they_come_behind_the_question(self) -> None:
        """The search ended in the moment in which the server closed the turn."""
        said = answer(says("How long is the link valid?"), *prepared("How long is the link valid?"))

        assert said == Say("The link works once and is valid for 60 minutes.")

    def test_never_hide_what_must_go_to_a_person(self) -> None:
        call = answer(says("I want a refund for the reset link."), *prepared("I want a refund for the reset link."))

        assert arguments(call, "handoff_to_human")["reason"] == "must_refuse_category"

    def test_of_half_the_question_are_not_trusted(self) -> None:
        call = answer(*prepared("How long is"), says("How long is the invitation for teammates valid?"))

        assert arguments(call, "lookup_article")["query"] == "How long is the invitation for teammates valid?"

    def test_that_do_not_answer_lead_to_a_person_when_all_was_asked(self) -> None:
        call = answer(*prepared("Who won the match?", 0.1), says("Who won the match?"))

        assert isinstance(call, Call)
        assert call.name == "handoff_to_human"

    def test_that_do_not_answer_are_looked_up_again_when_a_word_was_missing(self) -> None:
        question = "Can guests export reports and dashboards on Fridays?"

        call = answer(*prepared("Can guests export reports and dashboards on", 0.1), says(question))

        assert arguments(call, "lookup_article")["query"] == question

    def test_of_an_earlier_turn_do_not_answer_this_one(self) -> None:
        before = [*prepared("How do I reset my password?"), says("How do I reset my password?")]

        call = answer(*before, Words("assistant", "Choose Forgot password."), says("How do I reset my password?"))

        assert isinstance(call, Call)

    def test_for_words_of_thanks_leave_the_steps_where_they_were(self) -> None:
        steps = {**RESET, "text": RESET["text"].partition("## Steps")[2]}
        first = answer(*looked_up("Where do I type the new password?", 0.9, steps))
        assert isinstance(first, Say)
        noise = prepared("go on", 0.1, {**RESET, "text": "Nothing of use."})

        rest = answer(*looked_up("Where?", 0.9, steps), Words("assistant", first.text), *noise, says("Yes, go on."))

        assert rest == Say("Choose Save. Sign in again.")

    def test_do_not_hide_that_a_callback_is_booked(self) -> None:
        booked = [
            says("Call me back tomorrow."),
            ToolCall("c1", "schedule_callback", "{}"),
            ToolOutput("c1", json.dumps({"booked": True, "say": "We will call you back."})),
            Words("assistant", "We will call you back."),
        ]

        said = answer(*booked, *prepared("tomorrow is good"), says("Tomorrow is good, thanks."))

        assert not (isinstance(said, Call) and said.name == "schedule_callback")
        assert said != Say(EN.ask_time)
