"""Facts on disk until the control plane has them."""

import asyncio
import shutil
import sqlite3
import sys
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from firstline.domain.call import CallStarted
from firstline.domain.facts import Fact, FactKind
from firstline.domain.turn import ToolUse, Turn
from firstline.ports import PortError, Rejected
from realtime_bridge import spool as spool_module
from realtime_bridge.spool import Spool
from realtime_bridge.spool_file import Row, SpoolFile
from tests.fakes.call_control import FakeCallControl

START = CallStarted("CA" + "1" * 32, "+15550100999", "+15550100100", "2026-11-22T10:00:00+00:00")
OTHER = CallStarted("CA" + "2" * 32, "+15550100998", "+15550100100", "2026-11-22T10:00:00+00:00")


def fact(number: int, start: CallStarted = START, kind: FactKind = FactKind.STREAM_STARTED) -> Fact:
    return Fact(f"{start.call_sid}:{number}", start.call_sid, kind, "2026-11-22T10:00:01+00:00")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "_BACKOFF", (0.01,))


def numbers(facts: Sequence[Fact]) -> list[int]:
    return [int(f.event_id.rpartition(":")[2]) for f in facts]


class CountedFile(SpoolFile):
    reads = 0
    full = False

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.wrote = threading.Semaphore(0)

    def read(self, done: list[int]) -> tuple[list[Row], bool]:
        self.reads += 1
        return super().read(done)

    def write(self, fresh: list[tuple[CallStarted, Fact]], done: list[int]) -> tuple[list[Row], bool]:
        if self.full:
            raise sqlite3.OperationalError("database or disk is full")
        written = super().write(fresh, done)
        self.wrote.release()
        return written


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CountedFile:
    """What the next spool writes to."""
    file = CountedFile(tmp_path / "spool.sqlite")
    monkeypatch.setattr(spool_module, "SpoolFile", lambda path: file)
    return file


class Flaky(FakeCallControl):
    """Refuses so many deliveries with an error that passes; each time another fact is put meanwhile."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self.failures = failures
        self.spool: Spool
        self.put = 0

    def put_next(self) -> None:
        self.spool.put(START, fact(self.put))
        self.put += 1

    async def deliver(self, start: CallStarted, facts: Sequence[Fact]) -> None:
        if self.failures and start == START:
            self.failures -= 1
            self.put_next()
            raise PortError("not now")
        await super().deliver(start, facts)


@pytest.mark.usefixtures("_source")
class TestDelivery:
    @pytest.fixture(params=[1000, 0], ids=["from memory", "from disk"])
    def _source(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(spool_module, "_IN_MEMORY", request.param)

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
        blocks = []
        for begin in (0, 1000, 2000):
            spool = Spool(tmp_path / "spool.sqlite", control)
            for number in range(begin, begin + 1000):
                spool.put(START, fact(number))
            await spool.drained()
            await spool.close()  # deletes what was delivered: until then its numbers are kept
            control.delivered.clear()
            control.calls.clear()
            blocks.append(sys.getallocatedblocks())

        assert blocks[2] - blocks[1] < 500

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


class TestMemoryAndDisk:
    async def test_what_this_process_wrote_is_not_read_back(self, tmp_path: Path, file: CountedFile) -> None:
        control = FakeCallControl()
        spool = Spool(tmp_path, control)

        for number in range(3):
            spool.put(START, fact(number))
            await spool.drained()

        assert numbers(control.delivered) == [0, 1, 2]
        assert file.reads == 1  # at the start
        await spool.close()

    async def test_what_a_caller_waits_for_is_not_kept_to_gather_others(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(spool_module, "GATHER_S", 3600)
        control = FakeCallControl()
        spool = Spool(tmp_path / "spool.sqlite", control)

        spool.put(START, fact(0))
        spool.put(START, fact(1, kind=FactKind.FAREWELL_PLAYED))
        await spool.drained()

        assert numbers(control.delivered) == [0, 1]
        await spool.close()

    async def test_a_retry_keeps_the_order_while_new_facts_come(self, tmp_path: Path, file: CountedFile) -> None:
        control = Flaky(failures=4)
        spool = control.spool = Spool(tmp_path, control)

        control.put_next()
        control.put_next()
        await spool.drained()
        control.put_next()
        await spool.drained()

        assert numbers(control.delivered) == list(range(7))
        await spool.close()

    async def test_another_calls_failure_delivers_nothing_twice(self, tmp_path: Path, file: CountedFile) -> None:
        control = Flaky(failures=2)
        spool = control.spool = Spool(tmp_path, control)

        spool.put(OTHER, fact(100, OTHER))
        control.put_next()
        spool.put(OTHER, fact(101, OTHER))
        await spool.drained()

        assert numbers(control.delivered) == [100, 101, 0, 1, 2]
        await spool.close()

    async def test_what_memory_should_not_hold_is_read_from_disk(
        self, tmp_path: Path, file: CountedFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(spool_module, "_IN_MEMORY", 5)
        called, may_go_on = asyncio.Event(), asyncio.Event()

        class Slow(FakeCallControl):
            async def deliver(self, start: CallStarted, facts: Sequence[Fact]) -> None:
                called.set()
                await may_go_on.wait()
                await super().deliver(start, facts)

        control = Slow()
        spool = Spool(tmp_path, control)
        spool.put(START, fact(0))
        await called.wait()
        file.wrote.acquire()
        for begin in range(1, 241, 80):
            for number in range(begin, begin + 80):
                spool.put(START, fact(number))
            await asyncio.to_thread(file.wrote.acquire)
        may_go_on.set()
        await spool.drained()
        read = file.reads
        spool.put(START, fact(241))
        await spool.drained()

        assert numbers(control.delivered) == list(range(242))
        assert read == file.reads == 4  # at the start, and 240 facts by a hundred
        await spool.close()

    async def test_rows_of_another_process_are_found_with_the_next_fact(self, tmp_path: Path) -> None:
        path = tmp_path / "spool.sqlite"
        control = FakeCallControl()
        spool = Spool(path, control)
        spool.put(START, fact(0))
        await spool.drained()
        with closing(SpoolFile(path)) as other:
            other.write([(OTHER, fact(1, OTHER))], [])

        spool.put(START, fact(2))
        await spool.drained()

        assert numbers(control.delivered) == [0, 1, 2]
        await spool.close()

    async def test_a_full_disk_loses_only_what_was_not_written(self, tmp_path: Path, file: CountedFile) -> None:
        control = FakeCallControl()
        spool = Spool(tmp_path, control)
        file.full = True
        spool.put(START, fact(0))
        await spool.drained()

        file.full = False
        spool.put(START, fact(1))
        await spool.drained()

        assert numbers(control.delivered) == [1]
        await spool.close()


class TestDeath:
    async def test_a_kill_loses_nothing_that_was_tried(self, tmp_path: Path) -> None:
        tried = asyncio.Event()

        class Down(FakeCallControl):
            async def deliver(self, start: CallStarted, facts: Sequence[Fact]) -> None:
                if start == OTHER:
                    tried.set()
                    raise PortError("down")
                await super().deliver(start, facts)

        before = Spool(tmp_path / "alive" / "spool.sqlite", Down())
        before.put(START, fact(0))
        before.put(OTHER, fact(1, OTHER))
        before.put(OTHER, fact(2, OTHER))
        await tried.wait()
        shutil.copytree(tmp_path / "alive", tmp_path / "dead")  # as a kill leaves it
        await before.close()

        control = FakeCallControl()
        after = Spool(tmp_path / "dead" / "spool.sqlite", control)
        await after.drained()

        assert numbers([f for f in control.delivered if f.call_sid == OTHER.call_sid]) == [1, 2]
        await after.close()

    async def test_a_stop_leaves_nothing_that_was_delivered(self, tmp_path: Path) -> None:
        spool = Spool(tmp_path / "spool.sqlite", FakeCallControl())
        spool.put(START, fact(0))
        await spool.drained()
        await spool.close()

        with closing(SpoolFile(tmp_path / "spool.sqlite")) as left:
            assert left.read([]) == ([], False)

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

    async def test_what_nobody_can_read_is_set_aside(self, tmp_path: Path) -> None:
        path = tmp_path / "spool.sqlite"
        with closing(SpoolFile(path)) as file:
            file.write([(START, fact(number)) for number in range(4)], [])
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("update fact set body = x'7b' where seq = 1")
            db.execute("update fact set start = x'' where seq = 2")
            db.execute("update fact set body = 'text' where seq = 3")

        control = FakeCallControl()
        spool = Spool(path, control)
        await spool.drained()
        await spool.close()

        assert numbers(control.delivered) == [3]
        with closing(sqlite3.connect(path)) as db:
            whys = db.execute("select seq, why from poison order by seq").fetchall()
        assert whys == [(1, "ValidationError"), (2, "ValueError"), (3, "TypeError")]
