"""A caller is erased everywhere, and what is attested says nothing about whom."""

from datetime import UTC, datetime

import pytest

from firstline.domain.retention import Attestation, KeptCall, claim_key
from firstline.ports import PortError, Rejected
from tests.fakes.object_store import FakeObjectStore
from tests.fakes.read_model import FakeReadModel
from tests.fakes.retention import FakeCallerWorkflows, FakeRetention
from tests.fakes.trace_view import FakeTraceView
from tests.workflows.finished import finished
from workers.erase import erase

ANA, BEN = "+34600000001", "+34600000002"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
RANG = datetime(2026, 11, 17, 9, tzinfo=UTC)


class Kept:
    """Ana phoned three times (once hot, once cold, once never projected), Ben once."""

    def __init__(self) -> None:
        self.model, self.store = FakeReadModel(), FakeObjectStore()
        self.retention = FakeRetention(self.model)
        self.workflows = FakeCallerWorkflows({ANA: [KeptCall("CA1", "2026-11-17"), KeptCall("CA3", "2026-11-17")]})
        self.view = FakeTraceView()
        for sid, caller in (("CA1", ANA), ("CA2", ANA), ("CA4", BEN)):
            self.model.calls[sid] = (finished(sid, RANG, caller=caller), "")
        for key in ("traces/{}/CA1.json", "cold/traces/{}/CA2.json", "traces/{}/CA3.json", "traces/{}/CA4.json"):
            self.store.blobs[key.format("2026-11-17")] = b"words"

    async def erase(self, phone: str = ANA) -> Attestation:
        attestation, _ = await erase(phone, self.store, self.retention, self.workflows, NOW, self.view)
        return attestation

    @property
    def traces(self) -> set[str]:
        return {key.rpartition("/")[2] for key in self.store.blobs if "traces/" in key}


class TestAnErasure:
    async def test_takes_the_caller_from_every_place_and_nobody_else(self) -> None:
        kept = Kept()

        attested = await kept.erase()

        assert attested == Attestation(
            NOW.isoformat(), calls=2, traces=3, workflows=2, kept_by_legal_hold=0, still_open=0, shown=3
        )
        assert (kept.traces, set(kept.model.calls)) == ({"CA4.json"}, {"CA4"})

    async def test_takes_the_recordings_and_what_people_could_see(self) -> None:
        kept = Kept()
        for folder, sid in (("audio", "CA1"), ("cold/audio", "CA2"), ("audio", "CA4")):
            kept.store.blobs[f"{folder}/2026-11-17/{sid}/turn-1-caller-222222.wav"] = b"RIFF"
        for sid in ("CA1", "CA4"):
            await kept.view.show(kept.model.calls[sid][0], {})

        attested = await kept.erase()

        assert (attested.recordings, attested.shown) == (2, 3)
        assert [key for key in kept.store.blobs if "audio/" in key] == ["audio/2026-11-17/CA4/turn-1-caller-222222.wav"]
        assert set(kept.view.shown) == {"CA4"}

    async def test_is_attested_without_a_word_about_whom(self) -> None:
        kept = Kept()

        await kept.erase()

        key = next(key for key in kept.store.blobs if key.startswith("attestations/"))
        text = kept.store.blobs[key].decode()
        assert '"calls": 2' in text
        assert ANA not in text + key
        assert "CA1" not in text + key

    async def test_leaves_what_is_held_and_says_how_much(self) -> None:
        kept = Kept()
        await kept.retention.hold("CA1", "case 4711")

        attested = await kept.erase()

        assert (attested.calls, attested.traces, attested.workflows, attested.kept_by_legal_hold) == (1, 2, 1, 1)
        assert "CA1.json" in kept.traces

    async def test_tells_that_something_still_runs(self) -> None:
        kept = Kept()
        kept.workflows.running = ["callback-CA9"]

        assert (await kept.erase()).still_open == 1

    async def test_takes_what_was_too_big_for_a_history_but_not_from_under_what_runs(self) -> None:
        kept = Kept()
        keys = [claim_key(owner, "2026-11-17", "0f") for owner in ("call-CA1", "callback-CA1", "handoff-CA4")]
        kept.store.blobs.update(dict.fromkeys(keys, b"words"))
        kept.workflows.running = ["callback-CA1"]

        attested = await kept.erase()

        assert attested.claims == 1
        assert [key in kept.store.blobs for key in keys] == [False, True, True]

    async def test_can_be_done_again(self) -> None:
        kept = Kept()
        await kept.erase()

        again = await kept.erase()

        assert (again.calls, again.traces, again.workflows) == (0, 0, 0)

    async def test_that_breaks_off_attests_nothing_and_is_finished_by_the_next(self) -> None:
        kept = Kept()
        whole, kept.workflows.forget_caller = kept.workflows.forget_caller, broken  # type: ignore[method-assign, assignment]
        with pytest.raises(PortError):
            await kept.erase()
        assert not any(key.startswith("attestations/") for key in kept.store.blobs)

        kept.workflows.forget_caller = whole  # type: ignore[method-assign]

        assert (await kept.erase()).calls == 2

    async def test_of_what_is_no_number_is_refused(self) -> None:
        with pytest.raises(Rejected, match="international format"):
            await Kept().erase("600 000 001")


async def broken(*args: object) -> tuple[int, list[str]]:
    raise PortError("Temporal did not answer")
