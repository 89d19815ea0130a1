"""What is too big for a history lies in the object store, and everybody reads it as if it did not."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.converter import (
    DataConverter,
    StorageDriverRetrieveContext,
    StorageDriverStoreContext,
    StorageDriverWorkflowInfo,
)
from temporalio.testing import WorkflowEnvironment

from firstline.adapters.claim_check import CLAIMED_FROM, ClaimingCodec, ClaimLost, ObjectStoreClaims, with_claims
from firstline.adapters.payload_codec import EncryptionCodec, data_converter
from firstline.adapters.temporal import TemporalCallControl, connect
from firstline.domain.facts import Fact, FactKind
from firstline.domain.turn import Turn
from firstline.ports import PortError
from tests.fakes.object_store import FakeObjectStore
from tests.workflows.calls import activities_of, fact, started, stream_ended, talking
from tests.workflows.fakes import RecordingObjectStore, World
from workers.worker import build_worker
from workflows.call import CallWorkflow

KEY = ("2026-11", bytes(range(32)))
WORDS = "How do I reset my password? "
BIG = Payload(metadata={"encoding": b"json/plain"}, data=b'"' + b"x" * CLAIMED_FROM + b'"')
RETRIEVE = StorageDriverRetrieveContext()


def said_at_length(call_sid: str, number: int, length: int) -> Fact:
    """A turn with so many characters in it."""
    start = started(call_sid)
    turn = Turn(number, (WORDS * (length // len(WORDS) + 1))[:length], "Open settings.", confidence=0.9)
    return fact(start, f"turn:{number}", FactKind.TURN_FINISHED, 10 * number, turn=turn)


@dataclass
class Line:
    """A client and a worker that share an object store."""

    client: Client
    store: FakeObjectStore
    world: World
    queue: str


@pytest.fixture(params=["encrypted", "plain"])
async def line(request: pytest.FixtureRequest, dev_server: WorkflowEnvironment) -> AsyncIterator[Line]:
    store, world, queue = RecordingObjectStore(), World(), f"claims-{request.param}"
    converter = with_claims(data_converter([KEY] if request.param == "encrypted" else []), store)
    address, namespace = dev_server.client.service_client.config.target_host, dev_server.client.namespace
    client = await connect(address, namespace, converter)
    async with build_worker(client, activities_of(world), queue):
        yield Line(client, store, world, queue)


class TestACallWithAVeryLongTurn:
    async def test_has_a_small_history_and_loses_no_word(self, line: Line) -> None:
        start = started()
        control = TemporalCallControl(line.client, line.queue)
        long = said_at_length(start.call_sid, 1, 3 * CLAIMED_FROM)

        await control.deliver(start, [*talking(start), long])
        call = line.client.get_workflow_handle_for(CallWorkflow.run, f"call-{start.call_sid}")
        turns = await call.query(CallWorkflow.turns)
        await control.deliver(start, [stream_ended(start, "goodbye")])
        await call.result()
        history = await call.fetch_history()

        assert turns == [long.turn]
        assert sum(event.ByteSize() for event in history.events) < CLAIMED_FROM
        # The facts as they came, the answer to the query, the record to archive and the one to project.
        assert len([key for key in line.store.blobs if key.startswith(f"claims/{call.id}/")]) == 4
        [trace] = [blob for key, blob in line.world.object_store.blobs.items() if key.startswith("traces/")]
        assert WORDS in trace.decode()

    async def test_shows_the_object_store_no_more_than_the_server(self, line: Line) -> None:
        start = started()
        await TemporalCallControl(line.client, line.queue).deliver(
            start, [*talking(start), said_at_length(start.call_sid, 1, CLAIMED_FROM)]
        )
        await line.client.get_workflow_handle(f"call-{start.call_sid}").terminate()

        [blob] = line.store.blobs.values()

        assert (WORDS.encode() in blob) == (line.queue == "claims-plain")

    async def test_is_read_by_people_in_the_web_ui(self, line: Line) -> None:
        start = started()
        await TemporalCallControl(line.client, line.queue).deliver(
            start, [*talking(start), said_at_length(start.call_sid, 1, CLAIMED_FROM)]
        )
        call = line.client.get_workflow_handle(f"call-{start.call_sid}")
        history = await call.fetch_history()
        await call.terminate()
        signals = [event.workflow_execution_signaled_event_attributes for event in history.events]
        [payload] = [payload for signal in signals for payload in signal.input.payloads]
        inner = EncryptionCodec([KEY]) if line.queue == "claims-encrypted" else None

        [shown] = await ClaimingCodec(inner, line.store).decode([payload])

        assert WORDS.encode() in shown.data
        assert WORDS.encode() not in payload.SerializeToString()

    async def test_is_delivered_later_when_the_object_store_is_away(self, line: Line) -> None:
        assert isinstance(line.store, RecordingObjectStore)
        start = started()
        control = TemporalCallControl(line.client, line.queue)
        facts = [*talking(start), said_at_length(start.call_sid, 1, CLAIMED_FROM)]
        line.store.errors["put"] = [PortError("503")]

        with pytest.raises(PortError):
            await control.deliver(start, facts)
        await control.deliver(start, facts)

        call = line.client.get_workflow_handle_for(CallWorkflow.run, f"call-{start.call_sid}")
        assert len(await call.query(CallWorkflow.turns)) == 1
        await call.terminate()


class TestClaims:
    async def test_of_the_same_payload_are_one(self) -> None:
        store = FakeObjectStore()
        driver = ObjectStoreClaims(store, lambda: datetime(2026, 11, 17, tzinfo=UTC))
        context = StorageDriverStoreContext(StorageDriverWorkflowInfo(namespace="default", id="call-CA1"))

        first, second = await driver.store(context, [BIG, BIG])

        assert first == second
        assert list(store.blobs) == [f"claims/call-CA1/2026-11-17-{first.claim_data['sha256']}"]
        assert await driver.retrieve(RETRIEVE, [first]) == [BIG]

    async def test_that_are_lost_or_changed_are_named(self) -> None:
        store = FakeObjectStore()
        driver = ObjectStoreClaims(store)
        [claim] = await driver.store(StorageDriverStoreContext(), [BIG])
        key = claim.claim_data["key"]

        store.blobs[key] = b"something else"
        with pytest.raises(ClaimLost, match="is not what"):
            await driver.retrieve(RETRIEVE, [claim])
        del store.blobs[key]
        with pytest.raises(ClaimLost, match="has no claims/unknown/"):
            await driver.retrieve(RETRIEVE, [claim])

    async def test_are_not_made_of_what_is_small(self) -> None:
        store = FakeObjectStore()
        converter = with_claims(DataConverter.default, store)

        [payload] = await converter.encode(["x" * (CLAIMED_FROM - 200)])
        [reference] = await converter.encode(["x" * CLAIMED_FROM])

        assert (len(store.blobs), len(payload.data) > 1000, len(reference.data) < 500) == (1, True, True)
        assert await converter.decode([payload, reference]) == ["x" * (CLAIMED_FROM - 200), "x" * CLAIMED_FROM]

    async def test_the_ui_cannot_fetch_are_said_in_a_line(self) -> None:
        converter = with_claims(DataConverter.default, FakeObjectStore())
        [reference] = await converter.encode(["x" * CLAIMED_FROM])

        with pytest.raises(ClaimLost):
            await ClaimingCodec(None, FakeObjectStore()).decode([reference])
