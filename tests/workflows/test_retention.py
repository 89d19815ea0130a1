"""Thirty days hot, then cold, gone after a year, unless a legal hold keeps it."""

from datetime import datetime, timedelta

from firstline.domain.retention import Retained, audio_key, claim_key
from firstline.ports import PortError
from tests.workflows.finished import finished
from tests.workflows.stage import Stage
from workflows.retention import RetentionWorkflow


async def archived(stage: Stage, sid: str, days: int, cold: bool = False) -> str:
    """A call of so many days ago, with its trace; the trace's key."""
    at: datetime = await stage.server.get_current_time() - timedelta(days=days)
    key = f"{'cold/' * cold}traces/{at:%Y-%m-%d}/{sid}.json"
    await stage.world.read_model.save_call(finished(sid, at), await stage.world.object_store.put(key, b"{}"))
    return key


async def a_day_passes(stage: Stage) -> Retained:
    return await stage.server.client.execute_workflow(
        RetentionWorkflow.run, id="daily-retention", task_queue=stage.task_queue
    )


class TestRetention:
    async def test_leaves_the_last_thirty_days_hot_and_moves_what_is_older(self, stage: Stage) -> None:
        hot, old = await archived(stage, "CA30", 30), await archived(stage, "CA31", 31)

        assert await a_day_passes(stage) == Retained(1, 0, 0, 0)

        assert set(stage.world.object_store.blobs) == {hot, f"cold/{old}"}
        assert stage.world.read_model.calls["CA31"][1].endswith(f"/cold/{old}")

    async def test_takes_away_what_is_older_than_a_year(self, stage: Stage) -> None:
        kept = await archived(stage, "CA364", 364, cold=True)
        await archived(stage, "CA366", 366, cold=True)

        assert await a_day_passes(stage) == Retained(0, 1, 1, 0)

        assert set(stage.world.object_store.blobs) == {kept}
        assert set(stage.world.read_model.calls) == {"CA364"}

    async def test_keeps_what_is_held_whatever_its_age(self, stage: Stage) -> None:
        key = await archived(stage, "CA400", 400)
        await stage.world.retention.hold("CA400", "case 4711")

        assert await a_day_passes(stage) == Retained(1, 0, 0, 1)

        assert set(stage.world.object_store.blobs) == {f"cold/{key}"}
        assert set(stage.world.read_model.calls) == {"CA400"}

    async def test_takes_what_was_too_big_for_a_history_after_a_year(self, stage: Stage) -> None:
        now: datetime = await stage.server.get_current_time()
        for sid, days in (("CA364", 364), ("CA366", 366), ("CA400", 400)):
            day = f"{now - timedelta(days=days):%Y-%m-%d}"
            await stage.world.object_store.put(claim_key(f"call-{sid}", day, "0f"), b"words")
        await stage.world.retention.hold("CA400", "case 4711")

        assert await a_day_passes(stage) == Retained(0, 0, 0, 0, claims_gone=1)

        assert [key.split("/")[1] for key in stage.world.object_store.blobs] == ["call-CA364", "call-CA400"]

    async def test_treats_recordings_like_the_trace_of_their_call(self, stage: Stage) -> None:
        now: datetime = await stage.server.get_current_time()
        for sid, days, place in (("CA10", 10, ""), ("CA40", 40, ""), ("CA366", 366, "cold/"), ("CA400", 400, "cold/")):
            day = f"{now - timedelta(days=days):%Y-%m-%d}"
            await stage.world.object_store.put(f"{place}{audio_key(day, sid, 1, 'caller', '22')}", b"RIFF")
        await stage.world.retention.hold("CA400", "case 4711")

        assert await a_day_passes(stage) == Retained(0, 0, 0, 0, recordings_gone=1)

        left = {(key.startswith("cold/"), key.split("/")[-2]) for key in stage.world.object_store.blobs}
        assert left == {(False, "CA10"), (True, "CA40"), (True, "CA400")}

    async def test_is_told_to_the_view_before_the_trace_goes(self, stage: Stage) -> None:
        for sid in ("CA364", "CA366"):
            await archived(stage, sid, int(sid[2:]), cold=True)
            await stage.world.trace_view.show(stage.world.read_model.calls[sid][0], {})

        await a_day_passes(stage)

        assert set(stage.world.trace_view.shown) == {"CA364"}

    async def test_touches_nothing_but_traces(self, stage: Stage) -> None:
        await stage.world.object_store.put("reports/review-2020-W01.md", b"")
        await stage.world.object_store.put("traces/notes.txt", b"")

        assert await a_day_passes(stage) == Retained(0, 0, 0, 0)

    async def test_goes_on_where_it_was_broken_off(self, stage: Stage) -> None:
        for number in range(3):
            await archived(stage, f"CA4{number}", 40)
        stage.world.object_store.errors["put"] = [PortError("the store went away")]

        await a_day_passes(stage)

        assert all(key.startswith("cold/") for key in stage.world.object_store.blobs)
        assert len(stage.world.object_store.blobs) == 3
