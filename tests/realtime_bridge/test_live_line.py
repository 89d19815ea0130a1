"""The runtime asks for a person by the ordinary path, and the caller is never left without an answer."""

import pytest

from firstline.domain.call import CallStarted
from firstline.domain.gate import HandoffReason, RuntimeCause, decide_handoff
from realtime_bridge.tools.live_line import ask_for_person
from tests.fakes.call_control import FakeCallControl
from tests.realtime_bridge.calls import CALL, Bench

START = CallStarted(CALL, "+15550100999", "+15550100100", "2026-11-22T10:00:00+00:00")


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.start()
    bench.caller_says("How do I reset my password?")
    return bench


class TestAskingForAPerson:
    async def test_names_its_cause_as_evidence_that_the_gate_accepts(self, bench: Bench) -> None:
        control = FakeCallControl()

        accepted = await ask_for_person(START, bench.session, control, RuntimeCause.DEAD_AIR)

        [request] = control.handoffs
        assert accepted
        assert decide_handoff(request.evidence).reason is HandoffReason.DEAD_AIR
        assert request.evidence.claimed is None

    async def test_tells_the_rep_what_happened_and_what_was_asked(self, bench: Bench) -> None:
        control = FakeCallControl()

        await ask_for_person(START, bench.session, control, RuntimeCause.DEAD_AIR)

        [request] = control.handoffs
        assert request.summary.startswith("The agent gave no answer.")
        assert request.summary.endswith("How do I reset my password?")

    async def test_is_answered_no_when_the_control_plane_is_down(self, bench: Bench) -> None:
        control = FakeCallControl()
        control.unreachable = True

        assert not await ask_for_person(START, bench.session, control, RuntimeCause.PRESSED_ZERO)
