"""A handoff finds a person, or a queue, or learns that nobody waits any more."""

import functools

import pytest
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from firstline.adapters.temporal import TemporalCallControl
from firstline.domain.facts import FactKind
from firstline.domain.gate import decide_handoff
from firstline.domain.handoff import HandoffInput, HandoffResult, HandoffState, RepAnswer
from firstline.names import handoff_workflow_id
from firstline.ports import PortError, Rejected
from tests.fakes.telephony import FakeCall
from tests.workflows.calls import CALLER, LINE, REPS, activities_of, fact, started, talking, wants_person
from tests.workflows.fakes import World, leg_sid
from tests.workflows.stage import Stage
from workers.worker import build_worker
from workflows.call import CallWorkflow
from workflows.handoff import JOIN_WITHIN, HandoffWorkflow

Saga = WorkflowHandle[HandoffWorkflow, HandoffResult]
FIRST, SECOND = REPS


def handoff() -> HandoffInput:
    """A handoff that the gate let through."""
    request = wants_person(started())
    return HandoffInput(request, CALLER, LINE, decide_handoff(request.evidence))


async def ringing(stage: Stage, reps: int = 1) -> Saga:
    """A handoff whose first reps were rung; all but the last of them declined."""
    saga = await stage.handoff(handoff())
    await saga.signal("farewell_played")
    for number in range(1, reps + 1):
        await stage.world.telephony.until(functools.partial(stage.world.telephony.has_rung, number))
        if number < reps:
            await saga.signal("rep_answered", args=[REPS[number - 1], RepAnswer.DECLINED])
    return saga


async def takes(saga: Saga, rep: str, leg: int = 1) -> None:
    """The rep of the n-th leg accepts and comes to the caller."""
    await saga.signal("rep_answered", args=[rep, RepAnswer.ACCEPTED])
    await saga.signal("rep_joined", leg_sid(leg))


async def accepted(stage: Stage, saga: Saga) -> None:
    """The first rep has pressed 1, and the handoff waits for them to come."""
    await saga.signal("rep_answered", args=[FIRST, RepAnswer.ACCEPTED])
    while await saga.query(HandoffWorkflow.state) is not HandoffState.JOINING:
        continue


class TestARepWhoAccepts:
    async def test_is_bridged_and_the_page_is_resolved(self, stage: Stage) -> None:
        saga = await ringing(stage)

        await takes(saga, FIRST)
        result = await saga.result()

        assert (result.state, result.rep) == (HandoffState.BRIDGED, FIRST)
        assert stage.world.paging.resolved == [saga.id]
        assert stage.world.telephony.hung_up == []

    async def test_ends_the_clock_that_began_with_the_page(self, stage: Stage) -> None:
        saga = await ringing(stage)
        began = (await saga.describe()).start_time

        await takes(saga, FIRST)
        result = await saga.result()

        ended = (await saga.describe()).close_time
        assert ended is not None
        assert result.page_to_pickup_ms is not None
        assert 0 < result.page_to_pickup_ms <= (ended - began).total_seconds() * 1000

    async def test_may_be_told_twice_and_still_has_the_call(self, stage: Stage) -> None:
        """The first delivery was not confirmed, and at the second the handoff is over."""
        saga = await ringing(stage)
        control, call_sid = TemporalCallControl(stage.server.client), saga.id.removeprefix("handoff-")
        await control.rep_answered(call_sid, FIRST, RepAnswer.ACCEPTED)
        await control.rep_joined(call_sid, leg_sid(1))
        await saga.result()

        await control.rep_answered(call_sid, FIRST, RepAnswer.ACCEPTED)

        with pytest.raises(Rejected):
            await control.rep_answered(call_sid, SECOND, RepAnswer.ACCEPTED)

    async def test_heard_a_brief_from_our_own_line(self, stage: Stage) -> None:
        await ringing(stage)

        [call] = stage.world.telephony.rung
        assert call.from_number == LINE
        assert call.brief == (
            "A support call for you: the caller asked for a person. The caller cannot reset their password."
        )


class TestARepWhoIsLostAfterAccepting:
    async def test_whose_leg_ended_is_known_at_once_and_the_next_is_rung(self, stage: Stage) -> None:
        saga = await ringing(stage)
        await accepted(stage, saga)

        await saga.signal("rep_answered", args=[FIRST, RepAnswer.DECLINED])
        await stage.world.telephony.until(lambda: stage.world.telephony.has_rung(2))
        resolved_before = list(stage.world.paging.resolved)
        await takes(saga, SECOND, leg=2)
        result = await saga.result()

        assert (result.state, result.rep) == (HandoffState.BRIDGED, SECOND)
        assert resolved_before == []
        assert stage.world.paging.resolved == [saga.id]
        assert stage.world.telephony.looked_in == []
        assert stage.world.telephony.hung_up == []

    async def test_without_a_word_is_missed_in_the_conference_and_let_go(self, stage: Stage) -> None:
        """Neither a join nor the end of the leg is heard of: the carrier is asked, and nobody else comes either."""
        saga = await ringing(stage)
        await saga.signal("rep_answered", args=[FIRST, RepAnswer.ACCEPTED])

        result = await saga.result()

        assert result == HandoffResult(HandoffState.FAILSAFE)
        assert stage.world.telephony.looked_in == [saga.id.removeprefix("handoff-")]
        assert stage.world.telephony.hung_up == [leg_sid(1), leg_sid(2)]
        assert set(stage.world.paging.open) == {saga.id}

    async def test_is_not_taken_to_have_come_when_the_carrier_does_not_say(self, stage: Stage) -> None:
        stage.world.telephony.errors["in_conference"] = [PortError("503")] * 40
        saga = await ringing(stage)
        await saga.signal("rep_answered", args=[FIRST, RepAnswer.ACCEPTED])

        result = await saga.result()

        assert result.state is HandoffState.FAILSAFE
        assert len(stage.world.telephony.queued) == 1

    async def test_is_with_the_caller_after_all_when_only_the_news_was_lost(self, stage: Stage) -> None:
        """Their leg is not ended: that would end the conference."""
        saga = await ringing(stage)
        stage.world.telephony.join(leg_sid(1), saga.id.removeprefix("handoff-"))
        await saga.signal("rep_answered", args=[FIRST, RepAnswer.ACCEPTED])

        result = await saga.result()

        assert (result.state, result.rep) == (HandoffState.BRIDGED, FIRST)
        assert result.page_to_pickup_ms is not None
        assert result.page_to_pickup_ms >= JOIN_WITHIN.total_seconds() * 1000
        assert stage.world.telephony.hung_up == []

    async def test_does_not_count_when_an_old_join_of_theirs_is_told_late(self, stage: Stage) -> None:
        saga = await ringing(stage)
        await accepted(stage, saga)
        await saga.signal("rep_answered", args=[FIRST, RepAnswer.DECLINED])
        await stage.world.telephony.until(lambda: stage.world.telephony.has_rung(2))

        await saga.signal("rep_joined", leg_sid(1))
        await saga.signal("rep_answered", args=[SECOND, RepAnswer.DECLINED])
        result = await saga.result()

        assert result.state is HandoffState.FAILSAFE

    async def test_and_cannot_be_let_go_may_come_late_and_is_alone_with_the_caller(self, stage: Stage) -> None:
        """The carrier did not end the first leg: when it joins, the second rep is let go, never beside it."""
        telephony = stage.world.telephony
        telephony.errors["hang_up"] = [Rejected("500")]
        saga = await ringing(stage)
        await accepted(stage, saga)
        await stage.server.sleep(JOIN_WITHIN)
        await telephony.until(lambda: telephony.has_rung(2))

        await saga.signal("rep_joined", leg_sid(1))
        result = await saga.result()

        assert (result.state, result.rep) == (HandoffState.BRIDGED, FIRST)
        assert telephony.hung_up == [leg_sid(1), leg_sid(2)]

    async def test_is_let_go_when_the_caller_leaves_meanwhile(self, stage: Stage) -> None:
        saga = await ringing(stage)
        await accepted(stage, saga)

        await saga.signal("caller_left")
        result = await saga.result()

        assert result.state is HandoffState.CALLER_LEFT
        assert stage.world.telephony.hung_up == [leg_sid(1)]
        assert stage.world.paging.open == {}


class TestARepWhoDoesNot:
    async def test_is_let_go_and_the_next_is_rung(self, stage: Stage) -> None:
        saga = await ringing(stage, reps=2)

        await takes(saga, SECOND, leg=2)
        result = await saga.result()

        assert result.rep == SECOND
        assert [call.rep_number for call in stage.world.telephony.rung] == REPS
        assert stage.world.telephony.hung_up == [leg_sid(1)]

    async def test_cannot_take_the_call_after_all(self, stage: Stage) -> None:
        """Their leg is being ended: a late key press would connect nobody."""
        saga = await ringing(stage, reps=2)

        await saga.signal("rep_answered", args=[FIRST, RepAnswer.ACCEPTED])
        await saga.signal("rep_answered", args=[SECOND, RepAnswer.DECLINED])
        result = await saga.result()

        assert result.state is HandoffState.FAILSAFE

    async def test_by_silence_is_let_go_when_the_time_is_up(self, stage: Stage) -> None:
        saga = await stage.handoff(handoff())

        await saga.result()

        assert stage.world.telephony.hung_up == [leg_sid(1), leg_sid(2)]


class TestARepWhoCannotBeRung:
    async def test_because_they_talk_to_another_caller_is_passed_over(self, stage: Stage) -> None:
        stage.world.telephony.calls[leg_sid(77)] = FakeCall(FIRST, LINE)

        saga = await stage.handoff(handoff())
        await saga.result()

        assert [call.rep_number for call in stage.world.telephony.rung] == [SECOND]
        assert leg_sid(77) not in stage.world.telephony.hung_up

    async def test_is_not_rung_twice_when_only_the_answer_was_lost(self, stage: Stage) -> None:
        telephony = stage.world.telephony
        telephony.errors["ring_rep"] = [PortError("the connection broke")]
        saga = await stage.handoff(handoff())
        await saga.signal("farewell_played")
        await telephony.until(lambda: len(telephony.rung) == 1)

        await takes(saga, FIRST)
        result = await saga.result()

        assert result.rep == FIRST
        assert len(telephony.rung) == 1

    async def test_is_passed_over_when_the_carrier_refuses(self, stage: Stage) -> None:
        stage.world.telephony.errors["ring_rep"] = [Rejected("not a number")]
        saga = await stage.handoff(handoff())
        await saga.signal("farewell_played")
        await stage.world.telephony.until(lambda: len(stage.world.telephony.rung) == 2)

        await takes(saga, SECOND, leg=2)
        result = await saga.result()

        assert result.rep == SECOND


class TestWhenNobodyTakesTheCall:
    async def test_the_caller_is_queued_and_the_page_stays_open(self, stage: Stage) -> None:
        promised = handoff()
        saga = await stage.handoff(promised)

        result = await saga.result()

        assert result == HandoffResult(HandoffState.FAILSAFE)
        assert stage.world.telephony.queued == [promised.request.call_sid]
        assert set(stage.world.paging.open) == {saga.id}

    async def test_because_nobody_is_on_call_the_caller_is_queued(self, skipping_server: WorkflowEnvironment) -> None:
        world, promised, queue = World(), handoff(), "nobody-on-call"
        async with build_worker(skipping_server.client, activities_of(world, reps=[]), queue):
            saga = await Stage(skipping_server, world, queue).handoff(promised)

            result = await saga.result()

        assert result.state is HandoffState.FAILSAFE
        assert world.telephony.queued == [promised.request.call_sid]

    async def test_because_the_carrier_does_not_move_the_caller_nobody_is_rung(self, stage: Stage) -> None:
        stage.world.telephony.errors["move_to_conference"] = [PortError("503")] * 20

        saga = await stage.handoff(handoff())
        result = await saga.result()

        assert result.state is HandoffState.FAILSAFE
        assert stage.world.telephony.rung == []
        assert len(stage.world.telephony.queued) == 1


class TestACallerWhoLeaves:
    @pytest.mark.parametrize("reps", [1, 2])
    async def test_while_a_rep_is_rung_ends_that_leg_and_the_page(self, stage: Stage, reps: int) -> None:
        saga = await ringing(stage, reps)

        await saga.signal("caller_left")
        result = await saga.result()

        assert result == HandoffResult(HandoffState.CALLER_LEFT)
        assert stage.world.telephony.hung_up == [leg_sid(number) for number in range(1, reps + 1)]
        assert stage.world.paging.open == {}

    async def test_before_being_held_means_that_nobody_is_rung(self, stage: Stage) -> None:
        stage.world.telephony.errors["move_to_conference"] = [Rejected("the call is over")]

        saga = await stage.handoff(handoff())
        result = await saga.result()

        assert result.state is HandoffState.CALLER_LEFT
        assert stage.world.telephony.rung == []
        assert stage.world.paging.open == {}

    async def test_before_the_farewell_means_that_nobody_is_held(self, stage: Stage) -> None:
        saga = await stage.handoff(handoff())
        await saga.signal("caller_left")

        result = await saga.result()

        assert result.state is HandoffState.CALLER_LEFT
        assert stage.world.telephony.held == []

    async def test_before_being_queued_is_not_queued(self, stage: Stage) -> None:
        stage.world.telephony.errors["move_to_failsafe"] = [Rejected("the call is over")]

        saga = await stage.handoff(handoff())
        result = await saga.result()

        assert result.state is HandoffState.CALLER_LEFT
        assert stage.world.paging.open == {}


class TestThePage:
    async def test_says_why_and_links_to_the_call(self, stage: Stage) -> None:
        promised = handoff()
        await (await stage.handoff(promised)).result()

        [page] = stage.world.paging.pages
        assert page.dedup_key == handoff_workflow_id(promised.request.call_sid)
        assert page.summary.startswith("Caller waiting, the caller asked for a person: The caller cannot")
        assert page.link == f"http://ui/workflows/call-{promised.request.call_sid}"

    async def test_that_is_slow_does_not_keep_the_caller_waiting(self, stage: Stage) -> None:
        """A rep takes the call while the pager is down; the page is sent and resolved afterwards."""
        stage.world.paging.errors["trigger"] = [PortError("503")] * 5
        saga = await ringing(stage)

        await takes(saga, FIRST)
        result = await saga.result()

        assert result.state is HandoffState.BRIDGED
        assert [page.dedup_key for page in stage.world.paging.pages] == [saga.id]
        assert stage.world.paging.open == {}

    async def test_shows_who_acknowledged_it_once_and_reps_are_rung_all_the_same(self, stage: Stage) -> None:
        start = started()
        call = await stage.call(start, *talking(start))
        accepted = await call.execute_update(CallWorkflow.handoff, wants_person(start))
        saga = stage.of(accepted.handoff_id)
        await call.signal("facts", [fact(start, "farewell", FactKind.FAREWELL_PLAYED, 20)])
        await stage.world.telephony.until(lambda: stage.world.telephony.has_rung(1))

        for _ in range(2):
            await saga.signal("page_acknowledged", "Ada on call")
        await takes(saga, FIRST)
        result = await saga.result()
        timeline = await call.query(CallWorkflow.timeline)

        assert result["state"] == "bridged"
        assert [line[9:] for line in timeline if "acknowledged" in line] == ["Page acknowledged by Ada on call"]

    async def test_that_is_refused_does_not_end_the_handoff(self, stage: Stage) -> None:
        stage.world.paging.errors["trigger"] = [Rejected("routing key unknown")]
        saga = await ringing(stage)

        await takes(saga, FIRST)
        result = await saga.result()

        assert result.state is HandoffState.BRIDGED


class TestTheFarewell:
    async def test_is_heard_out_before_the_caller_is_moved(self, stage: Stage) -> None:
        saga = await stage.handoff(handoff())
        await stage.world.paging.until(lambda: len(stage.world.paging.pages) == 1)
        held_before = list(stage.world.telephony.held)

        await saga.signal("farewell_played")
        await stage.world.telephony.until(lambda: len(stage.world.telephony.held) == 1)

        assert held_before == []
