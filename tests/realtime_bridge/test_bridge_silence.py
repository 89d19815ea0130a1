"""Nothing is silent, over real sockets and the loop's own clock: what the session wants at a moment happens then."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from firstline.domain.facts import FactKind, NextStep
from firstline.domain.gate import HandoffReason
from realtime_bridge.protocol.rules import CallRules
from tests.realtime_bridge.calls import CALL
from tests.realtime_bridge.scripted_model import scripted_model
from tests.realtime_bridge.stage import Stage

SOON = CallRules(filler_after_ms=40, live_line_after_ms=40, silence_step_ms=40)


@asynccontextmanager
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with scripted_model() as model:
        stage = Stage(tmp_path, model, rules=SOON)
        async with stage.bridge.running(), stage.http:
            yield stage


class TestAMuteModel:
    async def test_is_covered_by_a_filler_then_a_person_is_found_and_the_caller_told(self, tmp_path: Path) -> None:
        async with stage(tmp_path) as at, at.phone() as phone:
            await phone.start()
            model = await at.model.session()
            await phone.play_all("greeting")
            await model.hear("How do I reset my password?")
            for words in ("filler", "live-line", "connecting", "connecting"):  # the last in two pieces
                await phone.play_all(words)
            await phone.hang_up()
            await at.bridge.drained()

            [request] = at.control.handoffs
            handoff = at.control.calls[CALL].handoff
            assert handoff is not None
            assert handoff.decision.reason is HandoffReason.DEAD_AIR
            assert request.transcript[-1].text == "How do I reset my password?"
            assert FactKind.FAREWELL_PLAYED in at.kinds()

    async def test_and_no_control_plane_leave_the_caller_to_the_carrier(self, tmp_path: Path) -> None:
        async with stage(tmp_path) as at, at.phone() as phone:
            await phone.start()
            model = await at.model.session()
            await phone.play_all("greeting")
            at.control.unreachable = True
            await model.hear("How do I reset my password?")
            for words in ("filler", "live-line", "no-person"):
                await phone.play_all(words)

            await phone.closed()

            answer = await at.post("/twilio/connect-done?resumed=0&asked=4")
            assert "<Enqueue" in answer.text


class TestAMuteCaller:
    async def test_is_asked_twice_then_told_goodbye_and_the_call_ends(self, tmp_path: Path) -> None:
        async with stage(tmp_path) as at, at.phone() as phone:
            await phone.start()
            for words in ("greeting", "still-there", "still-there", "goodbye"):
                await phone.play_all(words)

            await phone.closed()
            await at.bridge.drained()

            assert at.control.calls[CALL].next_step is NextStep.GOODBYE
            assert "<Hangup" in (await at.post("/twilio/connect-done?resumed=0")).text
