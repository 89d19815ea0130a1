"""The health checks of our own services, run as Docker runs them, against a living and a dead process."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio import activity, workflow
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from firstline.names import TASK_QUEUE
from tests.house.compose import health_script, services
from tests.house.repository import ROOT

pytestmark = pytest.mark.integration


async def healthy(script: str, **environment: str) -> bool:
    """Run a health check in Python to its end."""
    return await _healthy(["-c", script], environment)


async def worker_healthy(**environment: str) -> bool:
    """Run the worker's health check, a command of ours, to its end."""
    kind, program, *arguments = services()["worker"]["healthcheck"]["test"]
    assert (kind, program) == ("CMD", "firstline")
    return await _healthy(["-m", "workers.cli", *arguments], environment)


async def _healthy(arguments: Sequence[str], environment: Mapping[str, str]) -> bool:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stderr=asyncio.subprocess.PIPE,
    )
    await process.communicate()
    return process.returncode == 0


class HttpServer:
    """Answers every request alike, and remembers the paths."""

    def __init__(self, status: str) -> None:
        self.status = status
        self.asked: list[str] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(head.split()[1].decode())
        writer.write(f"HTTP/1.1 {self.status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


async def check_of(name: str, status: str) -> tuple[bool, list[str]]:
    """What the service's check says of a server that answers with this status, and what it asked for."""
    server = HttpServer(status)
    async with await asyncio.start_server(server.answer, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        script = health_script(name)
        variable = {"bridge": "FIRSTLINE_PORT", "speech": "FIRSTLINE_SPEECH_PORT"}[name]
        real = services()[name]["environment"][variable]
        assert real in script
        # A proxy of the environment must not be asked about this machine.
        answer = await healthy(script.replace(real, str(port)), http_proxy="http://127.0.0.1:9")
    return answer, server.asked


@pytest.mark.parametrize("name", ["bridge", "speech"])
async def test_a_server_that_answers_is_healthy(name: str) -> None:
    assert await check_of(name, "200 OK") == (True, ["/healthz"])


@pytest.mark.parametrize("name", ["bridge", "speech"])
async def test_a_server_in_trouble_is_not_healthy(name: str) -> None:
    assert await check_of(name, "503 Service Unavailable") == (False, ["/healthz"])


@pytest.mark.parametrize("name", ["bridge", "speech"])
async def test_nobody_listening_is_not_healthy(name: str) -> None:
    with_a_free_port = health_script(name).replace("8080", "1").replace("8082", "1")

    assert not await healthy(with_a_free_port)


@workflow.defn(name="House")
class Nothing:
    """A worker needs a workflow."""

    @workflow.run
    async def run(self) -> None:
        return None


@activity.defn(name="house")
async def nothing() -> None:
    """And an activity."""


@pytest.fixture
async def own_namespace(dev_server: WorkflowEnvironment) -> Client:
    """A namespace that no other test's worker has polled."""
    name = "house-health"
    keep = Duration()
    keep.FromTimedelta(timedelta(days=1))
    request = RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=keep)
    await dev_server.client.workflow_service.register_namespace(request)
    client = await Client.connect(dev_server.client.service_client.config.target_host, namespace=name)
    async with asyncio.timeout(30):
        while not await _knows(client):
            pass
    return client


async def _knows(client: Client) -> bool:
    """Whether the server's own cache has the namespace by now; nothing announces it."""
    try:
        await client.count_workflows()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True


async def test_a_worker_is_healthy_while_it_asks_for_both_kinds_of_tasks(own_namespace: Client) -> None:
    where = {
        "TEMPORAL_ADDRESS": own_namespace.service_client.config.target_host,
        "TEMPORAL_NAMESPACE": own_namespace.namespace,
    }
    assert not await worker_healthy(**where), "no worker yet"

    only_activities = Worker(own_namespace, task_queue=TASK_QUEUE, activities=[nothing])
    async with only_activities:
        assert not await worker_healthy(**where), "nobody asks for workflow tasks"

        only_workflows = Worker(
            own_namespace, task_queue=TASK_QUEUE, workflows=[Nothing], workflow_runner=UnsandboxedWorkflowRunner()
        )
        async with only_workflows:
            async with asyncio.timeout(20):
                while not await worker_healthy(**where):
                    pass


async def test_a_worker_is_not_healthy_when_temporal_does_not_answer() -> None:
    where = {"TEMPORAL_ADDRESS": "127.0.0.1:1", "TEMPORAL_NAMESPACE": "default"}

    assert not await worker_healthy(**where)
