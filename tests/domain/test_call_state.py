"""What a call's workflow learns from facts, without a workflow."""

from firstline.domain.call_state import CallPhase, CallState
from firstline.domain.callback import CallbackBooked
from firstline.domain.facts import FactKind, NextStep
from firstline.domain.gate import Decision
from firstline.domain.handoff import HandoffAccepted, HandoffState
from firstline.domain.resume import TOOLS_REPLAYED
from firstline.domain.turn import ToolUse, Turn
from tests.workflows.calls import answered_turn, call_ended, fact, started, stream_ended, talking


def call() -> CallState:
    """A call whose caller talks to the agent."""
    state = CallState(started())
    for event in talking(state.start):
        state.learn(event)
    return state


def handed_off() -> CallState:
    """A call for which a person is being found."""
    state = call()
    state.handoff = HandoffAccepted("handoff-1", Decision(True, None, None, "asked"))
    state.handoff_state = HandoffState.PAGING
    return state


class TestAFact:
    def test_is_learnt_once(self) -> None:
        state = call()

        assert [state.learn(answered_turn(state.start)) for _ in range(3)] == [True, False, False]
        assert (len(state.turns), state.duplicates) == (1, 2)

    def test_switches_the_language(self) -> None:
        state = call()

        state.learn(fact(state.start, "lang", FactKind.LANGUAGE_SWITCHED, 5, "es"))

        assert state.language == "es"

    def test_keeps_the_callers_words_out_of_the_timeline(self) -> None:
        state = call()

        state.learn(answered_turn(state.start))

        assert "password" not in "".join(state.timeline)


class TestTheEnd:
    def test_comes_with_a_hang_up(self) -> None:
        state = call()

        state.learn(stream_ended(state.start, "caller_hung_up"))

        assert (state.phase, state.next_step) == (CallPhase.OVER, NextStep.GOODBYE)

    def test_does_not_come_with_a_lost_stream(self) -> None:
        state = call()

        state.learn(stream_ended(state.start, "bridge_lost"))

        assert (state.phase, state.next_step) == (CallPhase.AWAY, NextStep.RESUME)

    def test_does_not_come_with_the_late_news_of_an_earlier_stream(self) -> None:
        """A bridge that died delivers what its spool kept after another one has taken the caller."""
        state = call()
        state.learn(fact(state.start, "stream:2", FactKind.STREAM_STARTED, 30, "MZ2"))

        state.learn(stream_ended(state.start, "caller_hung_up", second=20))

        assert state.phase is CallPhase.TALKING

    def test_keeps_its_first_reason(self) -> None:
        state = call()
        state.learn(stream_ended(state.start, "goodbye"))

        state.learn(call_ended(state.start))

        assert state.over_because == "goodbye"


class TestAHandedOffCall:
    def test_is_not_ended_by_its_stream(self) -> None:
        state = handed_off()

        state.learn(stream_ended(state.start, "caller_hung_up"))

        assert (state.phase, state.next_step) == (CallPhase.HANDED_OFF, NextStep.CONFERENCE)

    def test_is_ended_by_the_carrier(self) -> None:
        state = handed_off()

        state.learn(call_ended(state.start))

        assert state.phase is CallPhase.OVER

    def test_whose_handoff_failed_goes_to_the_queue(self) -> None:
        state = handed_off()

        state.handoff_state = HandoffState.FAILSAFE

        assert state.next_step is NextStep.FAILSAFE


class TestAResume:
    def said(self, state: CallState, turn: Turn, kind: FactKind = FactKind.TURN_FINISHED) -> None:
        state.learn(fact(state.start, f"{kind}:{turn.number}", kind, turn.number, turn=turn))

    def test_knows_what_tools_answered_and_where(self) -> None:
        state, found = call(), looked_up("password")
        self.said(state, Turn(1, "", "One moment."))
        self.said(state, Turn(2, "How?", "Like this.", tools=[found]))
        self.said(state, Turn(3, "And then?", ""), FactKind.CALLER_SAID)

        context = state.resume_context()

        assert [line.text for line in context.lines] == ["One moment.", "How?", "Like this.", "And then?"]
        assert [(tool.after_lines, tool.use) for tool in context.tools] == [(2, found)]
        assert (context.unanswered, context.unfinished) == (True, True)

    def test_of_a_long_call_knows_only_the_last_answers_of_tools(self) -> None:
        state = call()
        for number in range(1, TOOLS_REPLAYED + 3):
            self.said(state, Turn(number, "How?", "So.", tools=[looked_up(str(number))]))

        tools = state.resume_context().tools

        assert [tool.use.output for tool in tools] == ["3", "4"]
        assert [tool.after_lines for tool in tools] == [5, 7]

    def test_after_a_booking_that_nobody_told_knows_the_promise_and_the_wish(self) -> None:
        state = call()
        self.said(state, Turn(1, "Call me at nine.", ""), FactKind.CALLER_SAID)
        state.callback = CallbackBooked("callback-1", "2026-03-03T09:00:00-05:00")

        context = state.resume_context()

        assert (context.unanswered, context.unfinished) == (True, True)
        assert context.promises == ["A callback is booked for 2026-03-03T09:00:00-05:00."]

    def test_of_an_answer_that_nobody_heard_asks_for_it_again_with_what_was_found(self) -> None:
        state = call()
        self.said(state, Turn(1, "How?", "", tools=[looked_up("password")]))

        context = state.resume_context()

        assert (context.unanswered, context.unfinished) == (True, False)
        assert [tool.after_lines for tool in context.tools] == [1]


class TestACallWithoutAStream:
    def test_rings(self) -> None:
        assert CallState(started()).phase is CallPhase.RINGING


def looked_up(output: str) -> ToolUse:
    """A look-up and what it answered."""
    return ToolUse("lookup_article", '{"query": "how"}', output, 80.0)
