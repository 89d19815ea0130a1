"""Searching before the caller has finished asking: the rules, without a socket or a clock."""

import orjson
import pytest

from firstline.domain.groundedness import groundedness
from firstline.domain.passages import SearchResult
from firstline.domain.turn import Lookup
from realtime_bridge.protocol.commands import Forget, RunTool, Search
from realtime_bridge.protocol.passages import look_up_answer
from realtime_bridge.protocol.replay import ResumeNotes
from realtime_bridge.protocol.speculation import PATIENCE_MS, SETTLE_MS
from tests.fakes.knowledge import passage
from tests.realtime_bridge.calls import Bench

QUESTION = "How do I reset my password?"
ANSWER = "Open the sign-in page and choose Forgot password."
FOUND = SearchResult(QUESTION, [passage("reset-password", ANSWER)], None, 0.9, {"total": 60.0})
LOOKED_UP = look_up_answer(FOUND)


class Caller(Bench):
    """A bench whose model hears words while they are spoken."""

    def begins(self, item: str = "item_u1") -> None:
        self.model("input_audio_buffer.speech_started", item_id=item)

    def says(self, words: str, item: str = "item_u1") -> None:
        self.model("conversation.item.input_audio_transcription.delta", item_id=item, delta=words)

    def stops(self, text: str = QUESTION, item: str = "item_u1") -> None:
        self.model("input_audio_buffer.speech_stopped", item_id=item, audio_end_ms=self.session.line.audio_ms)
        self.model("conversation.item.input_audio_transcription.completed", item_id=item, transcript=text)

    def search_returns(self, result: SearchResult = FOUND, took: float = 60.0) -> None:
        """The newest search begins after its delay and comes back."""
        search = self.searches[-1]
        self.now += search.delay_ms + took
        self.session.searched(search.id, result, self.now)
        self.take()

    def was_answered(self) -> None:
        """They asked, and heard what was found."""
        self.says(QUESTION)
        self.search_returns()
        self.stops()
        self.agent_says(ANSWER)
        self.play_all()

    @property
    def searches(self) -> list[Search]:
        return [command for command in self.commands if isinstance(command, Search)]

    @property
    def queries(self) -> list[str]:
        return [search.query for search in self.searches]

    @property
    def quoted(self) -> list[str]:
        """Ids of the items that are in the conversation and not deleted again."""
        created = [event["item"].get("id", "") for event in self.sent_to_model("conversation.item.create")]
        deleted = {event["item_id"] for event in self.sent_to_model("conversation.item.delete")}
        return [item for item in created if item.startswith("ahead_") and item not in deleted]


@pytest.fixture
def caller() -> Caller:
    caller = Caller()
    caller.start()
    caller.begins()
    return caller


class TestSearching:
    def test_begins_with_the_first_word_that_means_something(self, caller: Caller) -> None:
        caller.says("How do I ")
        assert caller.searches == []

        caller.says("reset")

        assert caller.searches == [Search(1, "How do I reset", SETTLE_MS)]

    def test_is_not_begun_again_for_words_without_content(self, caller: Caller) -> None:
        caller.says("reset my password")

        caller.says(", please, can you tell me?")

        assert caller.queries == ["reset my password"]

    def test_of_more_words_takes_the_place_of_the_one_before(self, caller: Caller) -> None:
        caller.says("How do I reset")
        caller.says(" my password")

        caller.session.searched(1, FOUND, caller.now)

        assert caller.take() == []
        assert caller.queries[-1] == "How do I reset my password"

    def test_waits_no_longer_for_a_caller_who_goes_on_and_on(self, caller: Caller) -> None:
        for number, word in enumerate(("reset", " password", " teammate", " admin", " seats", " billing")):
            caller.now = number * 35.0
            caller.says(word)

        assert caller.searches[-2].delay_ms == SETTLE_MS
        assert caller.searches[-1].delay_ms == PATIENCE_MS - 5 * 35.0

    def test_of_a_follow_up_names_what_it_is_about(self, caller: Caller) -> None:
        caller.was_answered()

        caller.begins("item_u2")
        caller.says("And how long does that take?", "item_u2")

        assert "password" in caller.queries[-1]

    def test_is_cancelled_when_the_answer_begins_without_it(self, caller: Caller) -> None:
        caller.says("reset my password")
        caller.stops()

        caller.agent_says("One moment.")

        assert any(isinstance(command, Forget) for command in caller.commands)

    def test_of_words_that_come_after_the_end_of_speech_still_runs(self, caller: Caller) -> None:
        """OpenAI transcribes what was committed: words come while the model already thinks."""
        caller.model("input_audio_buffer.speech_stopped", item_id="item_u1", audio_end_ms=500)

        caller.says("How do I reset my password")

        assert caller.queries == ["How do I reset my password"]

    def test_goes_by_the_whole_transcript_where_no_partial_ones_came(self, caller: Caller) -> None:
        caller.stops()

        assert caller.searches == [Search(1, QUESTION, 0.0)]

    def test_that_breaks_is_tried_again_with_the_next_words(self, caller: Caller) -> None:
        caller.says("reset")
        caller.session.search_failed(1, caller.now)

        caller.says(" it")

        assert len(caller.searches) == 2

    def test_is_never_begun_when_switched_off(self) -> None:
        caller = Caller(speculate=False)
        caller.start()
        caller.begins()
        caller.says("reset my password")
        caller.stops()

        caller.asks_tool("lookup_article", '{"query": "reset my password"}')

        assert caller.searches == []
        assert len(caller.tools) == 1


class TestQuoting:
    def test_is_done_as_a_look_up_before_the_caller_stops(self, caller: Caller) -> None:
        caller.says("How do I reset my password")
        caller.search_returns()

        call, output = (event["item"] for event in caller.sent_to_model("conversation.item.create"))
        assert (call["type"], call["name"]) == ("function_call", "lookup_article")
        assert orjson.loads(call["arguments"]) == {"query": "How do I reset my password"}
        assert (output["type"], output["call_id"]) == ("function_call_output", call["call_id"])
        assert output["output"] == LOOKED_UP.output

    def test_asks_the_model_for_nothing(self, caller: Caller) -> None:
        caller.says("How do I reset my password")
        caller.search_returns()
        caller.stops()

        assert caller.sent_to_model("response.create") == []

    def test_of_more_words_replaces_what_was_quoted(self, caller: Caller) -> None:
        caller.says("How do I reset")
        caller.search_returns()
        caller.says(" my password")
        caller.search_returns()

        assert caller.quoted == ["ahead_2_call", "ahead_2_out"]

    def test_ends_with_the_callers_speech(self, caller: Caller) -> None:
        """The model reads the conversation then; what comes later is for a look-up of its own."""
        caller.says("How do I reset my password")
        caller.stops()
        caller.search_returns()

        assert caller.quoted == []

    def test_that_was_used_stays_and_is_the_turns_evidence(self, caller: Caller) -> None:
        caller.says("How do I reset my password")
        caller.search_returns()
        caller.stops()
        caller.agent_says(ANSWER)
        caller.play_all()

        [turn] = caller.turns
        assert (turn.lookup, turn.confidence, turn.chunk_ids) == (Lookup.QUOTED, 0.9, ["kb_000000000001"])
        assert turn.timing.stages["retrieval_saved"] == 60.0
        assert caller.quoted == ["ahead_1_call", "ahead_1_out"]

    def test_that_was_used_lets_the_answer_be_judged(self, caller: Caller) -> None:
        caller.says("reset my password")
        caller.search_returns()
        caller.stops()
        caller.agent_says(ANSWER + " A penguin countersigns.")
        caller.play_all()

        [turn] = caller.turns
        [use] = turn.tools
        assert (use.name, orjson.loads(use.arguments)) == ("lookup_article", {"query": "reset my password"})
        assert groundedness(turn) == pytest.approx(0.7, abs=0.2)

    def test_that_was_not_used_is_taken_back(self, caller: Caller) -> None:
        caller.says("thanks that helped wonderfully")
        caller.search_returns()
        caller.stops("Thanks, that helped wonderfully.")
        caller.agent_says("You're welcome. Have a nice day.")
        caller.play_all()

        [turn] = caller.turns
        assert (turn.lookup, turn.confidence, turn.searches_ahead) == (Lookup.NONE, None, 1)
        assert caller.quoted == []

    def test_keeps_the_last_two_that_were_used(self, caller: Caller) -> None:
        for number in range(1, 5):
            item = f"item_u{number}"
            caller.begins(item)
            caller.says("How do I reset my password", item)
            caller.search_returns()
            caller.stops(item=item)
            caller.agent_says(ANSWER, response=f"resp_{number}", item=f"item_a{number}")
            caller.play_all()

        assert {item.split("_")[1] for item in caller.quoted} == {"3", "4"}

    def test_is_evidence_for_the_gate_when_the_model_hands_off(self, caller: Caller) -> None:
        caller.says("Who won the match")
        caller.search_returns(SearchResult("", [passage("seats", "Ten seats.", number=9)], None, 0.1))
        caller.stops("Who won the match?")

        caller.asks_tool("handoff_to_human")

        assert (caller.session.confidence, caller.session.chunk_ids) == (0.1, ["kb_000000000009"])

    def test_goes_on_over_a_pause_in_which_nobody_answered(self, caller: Caller) -> None:
        caller.says("How do I reset")
        caller.search_returns()
        caller.stops("How do I reset")

        caller.begins("item_u2")
        caller.says("my password", "item_u2")

        assert caller.queries[-1] == "How do I reset my password"
        assert caller.quoted == ["ahead_1_call", "ahead_1_out"]

    def test_is_done_again_for_a_model_that_takes_over(self, caller: Caller) -> None:
        caller.says("How do I reset my password")
        caller.search_returns()
        caller.stops()

        caller.session.reconnect(ResumeNotes("Do not greet.", "Answer now."), caller.now)

        *_, call, output, ask = caller.to_model(caller.take())
        assert (call["item"]["type"], output["item"]["type"]) == ("function_call", "function_call_output")
        assert ask == {"type": "response.create"}


class TestLookUpOfTheModel:
    def test_for_what_was_found_is_answered_at_once(self, caller: Caller) -> None:
        caller.says("How do I reset my password")
        caller.search_returns()
        caller.stops()

        caller.asks_tool("lookup_article", '{"query": "how to reset a password"}')

        assert caller.tools == []
        outputs = [e["item"] for e in caller.sent_to_model("conversation.item.create") if e["item"].get("output")]
        assert outputs[-1]["call_id"] == "call_1"
        assert caller.sent_to_model("response.create") == [{"type": "response.create"}]

    def test_leaves_the_passages_in_the_conversation_once(self, caller: Caller) -> None:
        caller.says("How do I reset my password")
        caller.search_returns()
        caller.stops()

        caller.asks_tool("lookup_article", '{"query": "how to reset a password"}')

        assert caller.quoted == []

    def test_for_what_is_being_searched_waits_for_the_rest(self, caller: Caller) -> None:
        caller.says("How do I reset my password")
        caller.stops()
        caller.now += 50
        caller.asks_tool("lookup_article", '{"query": "reset password"}')
        assert caller.tools == []

        caller.now += 30
        caller.session.searched(1, FOUND, caller.now)
        caller.take()
        caller.agent_says(ANSWER)
        caller.play_all()

        [turn] = caller.turns
        assert (turn.lookup, turn.confidence) == (Lookup.JOINED, 0.9)
        assert turn.timing.stages["retrieval"] == 30.0
        assert turn.timing.stages["retrieval_saved"] == 10.0

    def test_that_waits_keeps_its_search_when_the_transcript_says_what_was_heard_already(self, caller: Caller) -> None:
        """The follow-up leans on what the model asked for by then, and that has a word more."""
        caller.was_answered()
        caller.begins("item_u2")
        caller.says("And how long does that take?", "item_u2")
        caller.model("input_audio_buffer.speech_stopped", item_id="item_u2", audio_end_ms=caller.session.line.audio_ms)
        caller.asks_tool("lookup_article", '{"query": "how long does a password reset link take"}')
        begun = caller.queries

        transcript = "And how long does that take?"
        caller.model("conversation.item.input_audio_transcription.completed", item_id="item_u2", transcript=transcript)

        assert caller.tools == []
        assert caller.queries == begun

    def test_that_waits_is_run_when_the_search_breaks(self, caller: Caller) -> None:
        caller.says("How do I reset my password")
        caller.stops()
        caller.asks_tool("lookup_article", '{"query": "reset password"}')

        caller.session.search_failed(1, caller.now)

        assert caller.take()[-1] == RunTool("call_1", "lookup_article", '{"query": "reset password"}')

    def test_for_something_else_is_run(self, caller: Caller) -> None:
        caller.says("How do I reset my password")
        caller.search_returns()
        caller.stops()

        caller.asks_tool("lookup_article", '{"query": "how many seats does the team plan have"}')
        caller.session.tool_answered("call_1", LOOKED_UP, caller.now)
        caller.agent_says("It has ten seats.")
        caller.play_all()

        assert [tool.name for tool in caller.tools] == ["lookup_article"]
        assert (caller.turns[0].lookup, caller.turns[0].searches_ahead) == (Lookup.SEARCHED, 1)

    @pytest.mark.parametrize("arguments", ["", "nonsense", "[]", '{"query": 7}'])
    def test_with_arguments_that_do_not_fit_is_left_to_the_tool(self, caller: Caller, arguments: str) -> None:
        caller.says("How do I reset my password")
        caller.search_returns()
        caller.stops()

        caller.asks_tool("lookup_article", arguments)

        assert len(caller.tools) == 1
