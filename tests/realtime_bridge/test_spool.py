"""Facts on disk until the control plane has them."""

import sys
from pathlib import Path

import pytest

from firstline.domain.call import CallStarted
from firstline.domain.facts import Fact, FactKind
from firstline.domain.turn import ToolUse, Turn
from firstline.ports import Rejected
from realtime_bridge import spool as spool_module
from realtime_bridge.spool import Spool
from tests.fakes.call_control import FakeCallControl

START = CallStarted("CA" + "1" * 32, "+15550100999", "+15550100100", "2026-11-22T10:00:00+00:00")
OTHER = CallStarted("CA" + "2" * 32, "+15550100998", "+15550100100", "2026-11-22T10:00:00+00:00")


def fact(number: int, start: CallStarted = START, kind: FactKind = FactKind.STREAM_STARTED) -> Fact:
    return Fact(f"{start.call_sid}:{number}", start.call_sid, kind, "2026-11-22T10:00:01+00:00")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "_BACKOFF", (0.01,))


class TestDelivery:
    async def test_keeps_the_order_of_a_call(self, tmp_path: Path) -> None:
        control = FakeCallControl()
        spool = Spool(tmp_path / "spool.sqlite", control)

        for number in range(250):
            spool.put(START, fact(number))
        await spool.drained()

        assert [f.event_id for f in control.delivered] == [f"{START.call_sid}:{n}" for n in range(250)]
        await spool.close()

    async def test_brings_a_turn_over_whole(self, tmp_path: Path) -> None:
        control = FakeCallControl()
        spool = Spool(tmp_path / "spool.sqlite", control)
        turn = Turn(1, "¿Cómo?", "Así.", "es", 0.9, tools=[ToolUse("lookup_article", "{}", "{}", 12.5)])
        told = Fact("e", START.call_sid, FactKind.TURN_FINISHED, "2026-11-22T10:00:01+00:00", turn)

        spool.put(START, told)
        await spool.drained()

        assert control.delivered == [told]
        await spool.close()

    async def test_keeps_nothing_of_what_was_delivered(self, tmp_path: Path) -> None:
        """A reader that remembers strings would keep callers' words, and grow by every fact."""
        control = FakeCallControl()
        spool = Spool(tmp_path / "spool.sqlite", control)
        blocks = []
        for begin in (0, 1000, 2000):
            for number in range(begin, begin + 1000):
                spool.put(START, fact(number))
            await spool.drained()
            control.delivered.clear()
            control.calls.clear()
            blocks.append(sys.getallocatedblocks())

        assert blocks[2] - blocks[1] < 500
        await spool.close()

    async def test_waits_out_a_control_plane_that_is_down(self, tmp_path: Path) -> None:
        control = FakeCallControl()
        control.unreachable = True
        spool = Spool(tmp_path / "spool.sqlite", control)
        spool.put(START, fact(1))
        spool.put(OTHER, fact(1, OTHER))

        control.unreachable = False
        await spool.drained()

        assert {f.call_sid for f in control.delivered} == {START.call_sid, OTHER.call_sid}
        await spool.close()


class TestDeath:
    async def test_what_was_spooled_is_delivered_by_the_next_process(self, tmp_path: Path) -> None:
        down = FakeCallControl()
        down.unreachable = True
        before = Spool(tmp_path / "spool.sqlite", down)
        for number in range(3):
            before.put(START, fact(number))
        await before.close()

        control = FakeCallControl()
        after = Spool(tmp_path / "spool.sqlite", control)
        await after.drained()

        assert [f.event_id for f in control.delivered] == [f"{START.call_sid}:{n}" for n in range(3)]
        await after.close()


class TestPoison:
    async def test_is_set_aside_and_the_rest_delivered(self, tmp_path: Path) -> None:
        class Picky(FakeCallControl):
            async def deliver(self, start: CallStarted, facts: object) -> None:
                assert isinstance(facts, list)
                if any(f.event_id.endswith(":1") for f in facts):
                    raise Rejected("never")
                await super().deliver(start, facts)

        control = Picky()
        spool = Spool(tmp_path / "spool.sqlite", control)

        for number in range(4):
            spool.put(START, fact(number))
        await spool.drained()

        assert [f.event_id[-1] for f in control.delivered] == ["0", "2", "3"]
        await spool.close()
