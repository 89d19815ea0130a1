"""Whether a worker is healthy: nobody can ask it, but Temporal knows when it last asked for tasks."""

import socket
import time
from datetime import timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from firstline.names import TASK_QUEUE
from firstline.settings import Settings

ANSWERS_WITHIN = timedelta(seconds=5)
LATELY = 90.0
"""Seconds: one question for tasks lasts at most a minute."""
KINDS = {"workflow": TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, "activity": TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY}


class Unhealthy(Exception):
    """The message says of what."""


async def check_worker(settings: Settings) -> None:
    """Returns when the worker of this very host asked for both kinds of tasks lately. Raises `Unhealthy`."""
    try:
        client = await Client.connect(settings.temporal_address, namespace=settings.temporal_namespace)
        ages = {name: await _age(client, kind) for name, kind in KINDS.items()}
    except (RPCError, RuntimeError) as error:
        raise Unhealthy(f"Temporal at {settings.temporal_address} does not answer: {error}") from error
    for name, age in ages.items():
        if age > LATELY:
            raise Unhealthy(f"this host's worker has not asked for {name} tasks lately")


async def _age(client: Client, kind: TaskQueueType.ValueType) -> float:
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=TASK_QUEUE), task_queue_type=kind
    )
    answer = await client.workflow_service.describe_task_queue(request, timeout=ANSWERS_WITHIN)
    here = (poller for poller in answer.pollers if poller.identity.endswith("@" + socket.gethostname()))
    return min((time.time() - poller.last_access_time.seconds for poller in here), default=float("inf"))
