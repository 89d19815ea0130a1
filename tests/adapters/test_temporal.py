"""How the control plane's adapter behaves when Temporal is slow, gone, or ahead of it."""

import time

import pytest
from prometheus_client import REGISTRY
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from firstline.adapters.temporal import TemporalCallControl, connect, register_search_attributes
from firstline.names import SEARCH_ATTRIBUTES, call_workflow_id
from firstline.ports import PortError, Rejected
from tests.workflows.calls import started, talking, wants_person
from workers.ports_in_use import free_port


@pytest.fixture
def unserved(dev_server: WorkflowEnvironment) -> TemporalCallControl:
    """A control plane whose workers are all down."""
    return TemporalCallControl(dev_server.client, "nobody-works-here")


class TestWithoutAWorker:
    async def test_facts_are_taken_all_the_same(
        self, unserved: TemporalCallControl, dev_server: WorkflowEnvironment
    ) -> None:
        start = started()

        await unserved.deliver(start, talking(start))

        call = dev_server.client.get_workflow_handle(call_workflow_id(start.call_sid))
        description = await call.describe()
        assert description.workflow_type == "CallWorkflow"
        assert await description.static_summary() == f"Call from {start.from_number}"
        await call.terminate()

    async def test_a_request_gives_up_at_its_deadline(
        self, unserved: TemporalCallControl, dev_server: WorkflowEnvironment
    ) -> None:
        start = started()
        began = time.monotonic()

        with pytest.raises(PortError, match="handoff: no answer within"):
            await unserved.request_handoff(start, wants_person(start), timeout=0.3)

        assert time.monotonic() - began < 2
        await dev_server.client.get_workflow_handle(call_workflow_id(start.call_sid)).terminate()

    async def test_the_next_step_gives_up_at_its_deadline(
        self, unserved: TemporalCallControl, dev_server: WorkflowEnvironment
    ) -> None:
        start = started()
        await unserved.deliver(start, talking(start))

        with pytest.raises(PortError):
            await unserved.next_step(start.call_sid, timeout=0.3)

        await dev_server.client.get_workflow_handle(call_workflow_id(start.call_sid)).terminate()


class TestWithoutTemporal:
    async def test_every_request_is_a_port_error_within_its_deadline(self) -> None:
        control = TemporalCallControl(await Client.connect(f"127.0.0.1:{free_port()}", lazy=True))
        start = started()
        began = time.monotonic()

        with pytest.raises(PortError):
            await control.request_handoff(start, wants_person(start), timeout=0.3)
        with pytest.raises(PortError):
            await control.next_step(start.call_sid, timeout=0.3)
        with pytest.raises(PortError):
            await control.deliver(start, talking(start))

        assert time.monotonic() - began < 20

    async def test_connecting_says_where_it_looked(self) -> None:
        address = f"127.0.0.1:{free_port()}"

        with pytest.raises(PortError, match=f"Temporal does not answer at {address}, namespace default"):
            await connect(address, "default")


class TestACallThatIsOver:
    async def test_drops_its_late_facts_and_counts_them(
        self, unserved: TemporalCallControl, dev_server: WorkflowEnvironment
    ) -> None:
        start = started()
        await unserved.deliver(start, talking(start))
        await dev_server.client.get_workflow_handle(call_workflow_id(start.call_sid)).terminate()
        before = REGISTRY.get_sample_value("firstline_control_too_late_total", {"message": "facts"}) or 0

        await unserved.deliver(start, talking(start))

        assert REGISTRY.get_sample_value("firstline_control_too_late_total", {"message": "facts"}) == before + 1

    async def test_refuses_a_handoff(self, unserved: TemporalCallControl, dev_server: WorkflowEnvironment) -> None:
        start = started()
        await unserved.deliver(start, talking(start))
        await dev_server.client.get_workflow_handle(call_workflow_id(start.call_sid)).terminate()

        with pytest.raises(Rejected, match="The call is over"):
            await unserved.request_handoff(start, wants_person(start), timeout=5)


class TestSearchAttributes:
    async def test_are_registered_once_however_often_it_is_asked(self, dev_server: WorkflowEnvironment) -> None:
        await register_search_attributes(dev_server.client)
        await register_search_attributes(dev_server.client)

        description = await dev_server.client.count_workflows("Outcome = 'resolved' AND Turns > 0 AND Deflected = true")
        assert description.count >= 0
        assert set(SEARCH_ATTRIBUTES) == {
            "Outcome",
            "Language",
            "HandoffReason",
            "Deflected",
            "Turns",
            "CallerNumber",
            "Flags",
        }
