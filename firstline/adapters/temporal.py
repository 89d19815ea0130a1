"""The durable side of a call, asked over Temporal's client. Knows workflows by name only."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from prometheus_client import Counter, Histogram
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from firstline import names
from firstline.domain.call import E164, CallStarted, Direction
from firstline.domain.callback import CallbackBooked, CallbackRequest, DialStatus, OpenCallback
from firstline.domain.facts import Fact, NextStep
from firstline.domain.handoff import HandoffAccepted, HandoffRequest, HandoffResult, RepAnswer
from firstline.domain.resume import ResumeContext
from firstline.ports import PortError, Rejected

log = structlog.get_logger()

_Answer = TypeVar("_Answer")

_REJECTED = "Rejected"
"""Type of the application error by which a workflow refuses a request."""
_SIGNAL_TIMEOUT = timedelta(seconds=5)
_RESULT_SECONDS = 2.0
_MOST_CALLBACKS = 5
"""A number that is owed more than this is not read out."""
_INDEXED = {
    "Keyword": "INDEXED_VALUE_TYPE_KEYWORD",
    "KeywordList": "INDEXED_VALUE_TYPE_KEYWORD_LIST",
    "Bool": "INDEXED_VALUE_TYPE_BOOL",
    "Int": "INDEXED_VALUE_TYPE_INT",
}

UPDATE_MS = Histogram(
    "firstline_update_ms",
    "A promise asked for, to its answer: durable, refused, or too late",
    ["update"],
    buckets=(5, 10, 15, 20, 30, 40, 50, 75, 100, 150, 200, 300, 500, 750, 1000, 1500, 2000, 2050, 2100, 2500, 3000),
)
too_late = Counter("firstline_control_too_late_total", "Messages for a workflow that is over", ["message"])


async def connect(address: str, namespace: str, converter: DataConverter = DataConverter.default) -> Client:
    """A client, with the search attributes registered; `converter` may encrypt.

    Raises `PortError` when nothing answers at `address`.
    """
    try:
        client = await Client.connect(address, namespace=namespace, data_converter=converter)
        await register_search_attributes(client)
    except (RuntimeError, RPCError) as error:
        raise PortError(f"Temporal does not answer at {address}, namespace {namespace}: {error}") from error
    return client


async def register_search_attributes(client: Client) -> None:
    """Register what is missing of `names.SEARCH_ATTRIBUTES`; harmless when repeated. Raises `RPCError`."""
    operator = client.operator_service
    listed = await operator.list_search_attributes(ListSearchAttributesRequest(namespace=client.namespace))
    missing = {name: kind for name, kind in names.SEARCH_ATTRIBUTES.items() if name not in listed.custom_attributes}
    if missing:
        await add_search_attributes(client, missing)


async def add_search_attributes(client: Client, attributes: Mapping[str, str]) -> None:
    """Register search attributes, name -> type. Raises `RPCError`."""
    types = {name: IndexedValueType.Value(_INDEXED[kind]) for name, kind in attributes.items()}
    request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=types)
    try:
        await client.operator_service.add_search_attributes(request)
    except RPCError as error:
        # Another process was faster.
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise


@dataclass(frozen=True)
class TemporalCallControl:
    """`ports.CallControl` over a Temporal client."""

    client: Client
    task_queue: str = names.TASK_QUEUE

    async def deliver(self, start: CallStarted, facts: Sequence[Fact]) -> None:
        """Signal-with-start: one round trip, and the call's workflow runs afterwards.

        Facts of a call that is over are counted and dropped: delivering them again would change nothing.
        """
        async with _as_port_error("deliver"):
            try:
                await self.client.start_workflow(
                    names.CALL_WORKFLOW,
                    start,
                    id=names.call_workflow_id(start.call_sid),
                    task_queue=self.task_queue,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                    start_signal=names.FACTS_SIGNAL,
                    start_signal_args=[list(facts)],
                    static_summary=_summary(start),
                    rpc_timeout=_SIGNAL_TIMEOUT,
                )
            except WorkflowAlreadyStartedError:
                _count_too_late(names.FACTS_SIGNAL, start.call_sid, facts=[fact.kind.value for fact in facts])

    async def request_handoff(self, start: CallStarted, request: HandoffRequest, timeout: float) -> HandoffAccepted:
        """Update-with-start. After `PortError` for a passed deadline the handoff may still come about: ask again."""
        return await self._update(names.HANDOFF_UPDATE, start, request, HandoffAccepted, timeout)

    async def request_callback(self, start: CallStarted, request: CallbackRequest, timeout: float) -> CallbackBooked:
        """Update-with-start. After `PortError` for a passed deadline the callback may still be booked: ask again."""
        return await self._update(names.CALLBACK_UPDATE, start, request, CallbackBooked, timeout)

    async def next_step(self, call_sid: str, timeout: float) -> NextStep:
        """A query. Raises `PortError` for a call that is unknown, too: nobody knows what its caller is owed."""
        return await self._query(names.NEXT_STEP_QUERY, call_sid, NextStep, timeout)

    async def resume_context(self, call_sid: str, timeout: float) -> ResumeContext:
        """A query. Raises `PortError` for a call that is unknown, too."""
        return await self._query(names.RESUME_QUERY, call_sid, ResumeContext, timeout)

    async def rep_answered(self, call_sid: str, rep_number: str, answer: RepAnswer) -> None:
        """A signal to the handoff's workflow. Raises `Rejected` when the handoff is over.

        A repeat of the answer that ended it is no late answer: its first delivery was not confirmed.
        """
        handoff_id = names.handoff_workflow_id(call_sid)
        try:
            await self._signal(handoff_id, call_sid, names.REP_SIGNAL, rep_number, answer)
        except Rejected:
            if answer is not RepAnswer.ACCEPTED or await self._who_took(handoff_id) != rep_number:
                raise

    async def rep_joined(self, call_sid: str, leg_sid: str) -> None:
        """A signal to the handoff's workflow. Raises `Rejected` when the handoff is over."""
        await self._signal(names.handoff_workflow_id(call_sid), call_sid, names.JOINED_SIGNAL, leg_sid)

    async def _who_took(self, handoff_id: str) -> str:
        """Number of the rep who took the call of a handoff that is over; empty for none."""
        async with _as_port_error("handoff_result", _RESULT_SECONDS):
            handle = self.client.get_workflow_handle(handoff_id, result_type=HandoffResult)
            try:
                result: HandoffResult = await handle.result()
                return result.rep
            except (WorkflowFailureError, RPCError):
                return ""

    async def caller_left(self, call_sid: str) -> None:
        """A signal to the call's workflow, which tells the handoff. Raises `Rejected` when the call is over."""
        await self._signal(names.call_workflow_id(call_sid), call_sid, names.CALLER_LEFT_SIGNAL)

    async def dial_status(self, promised_in: str, dialled_sid: str, status: DialStatus) -> None:
        """A signal to the callback's workflow. Raises `Rejected` when the callback is over."""
        workflow_id = names.callback_workflow_id(promised_in)
        await self._signal(workflow_id, promised_in, names.DIAL_SIGNAL, dialled_sid, status)

    async def _query(self, query: str, call_sid: str, answer: type[_Answer], timeout: float) -> _Answer:
        async with _as_port_error(query, timeout):
            handle = self.client.get_workflow_handle(names.call_workflow_id(call_sid))
            result: _Answer = await handle.query(query, result_type=answer, rpc_timeout=timedelta(seconds=timeout))
            return result

    async def open_callbacks(self, phone: str, timeout: float) -> list[OpenCallback]:
        """By the search attribute of the number: whoever phones in seconds after the promise may not be found yet.

        An index of our own would be exact and would be one more thing to keep true; a caller who comes back has hung
        up and dialled in between.
        """
        if not E164.match(phone):
            raise Rejected("the phone number is not in international format")
        query = (
            f"WorkflowType = '{names.CALLBACK_WORKFLOW}' AND ExecutionStatus = 'Running' AND CallerNumber = '{phone}'"
        )
        async with _as_port_error("open_callbacks", timeout):
            listed = [execution.id async for execution in self.client.list_workflows(query, limit=_MOST_CALLBACKS)]
            found = await asyncio.gather(*(self._promise(workflow_id, timeout) for workflow_id in listed))
        return sorted((one for one in found if one.phone == phone), key=lambda one: datetime.fromisoformat(one.at))

    async def _promise(self, callback_id: str, timeout: float) -> OpenCallback:
        promise: OpenCallback = await self.client.get_workflow_handle(callback_id).query(
            names.PROMISE_QUERY, result_type=OpenCallback, rpc_timeout=timedelta(seconds=timeout)
        )
        return promise

    async def move_callback(self, callback_id: str, request: CallbackRequest) -> None:
        """An update, which the callback's workflow refuses by the rules of booking."""
        await self._update_callback(callback_id, names.MOVE_UPDATE, request)

    async def cancel_callback(self, callback_id: str) -> None:
        """An update: what is answered is durable."""
        await self._update_callback(callback_id, names.CANCEL_UPDATE)

    async def page_acknowledged(self, handoff_id: str, by: str) -> None:
        """A signal to the handoff's workflow. Raises `Rejected` when it is over or unknown."""
        await self._signal(handoff_id, handoff_id, names.ACKNOWLEDGED_SIGNAL, by)

    async def _update_callback(self, callback_id: str, update: str, *args: Any) -> None:
        handle: WorkflowHandle[Any, Any] = self.client.get_workflow_handle(callback_id)
        async with _as_port_error(update), _refused_when_over(callback_id):
            await handle.execute_update(update, args=args, rpc_timeout=_SIGNAL_TIMEOUT)

    async def _signal(self, workflow_id: str, call_sid: str, signal: str, *args: Any) -> None:
        handle: WorkflowHandle[Any, Any] = self.client.get_workflow_handle(workflow_id)
        async with (
            _as_port_error(signal),
            _refused_when_over(workflow_id, lambda: _count_too_late(signal, call_sid)),
        ):
            await handle.signal(signal, args=args, rpc_timeout=_SIGNAL_TIMEOUT)

    async def _update(
        self, update: str, start: CallStarted, request: object, answer: type[_Answer], timeout: float
    ) -> _Answer:
        operation: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
            names.CALL_WORKFLOW,
            start,
            id=names.call_workflow_id(start.call_sid),
            task_queue=self.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            static_summary=_summary(start),
        )
        async with _as_port_error(update, timeout), _looked_at(operation), _timed(update):
            result: _Answer = await self.client.execute_update_with_start_workflow(
                update,
                request,
                start_workflow_operation=operation,
                result_type=answer,
                rpc_timeout=timedelta(seconds=timeout),
            )
            return result


@asynccontextmanager
async def _looked_at(operation: WithStartWorkflowOperation[Any, Any]) -> AsyncIterator[None]:
    """The operation keeps a failure of its start for whoever asks; asyncio complains when nobody does."""
    asked = asyncio.ensure_future(operation.workflow_handle())
    try:
        yield
    finally:
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)


@asynccontextmanager
async def _timed(update: str) -> AsyncIterator[None]:
    began = time.perf_counter()
    try:
        yield
    finally:
        UPDATE_MS.labels(update).observe((time.perf_counter() - began) * 1000)


@asynccontextmanager
async def _as_port_error(what: str, timeout: float | None = None) -> AsyncIterator[None]:
    """Temporal's errors as ours, within the deadline in seconds."""
    try:
        async with asyncio.timeout(timeout):
            yield
    except WorkflowUpdateFailedError as error:
        cause = error.cause
        if isinstance(cause, ApplicationError) and cause.type == _REJECTED:
            raise Rejected(cause.message) from error
        raise PortError(f"{what}: the workflow could not carry it out") from error
    except WorkflowAlreadyStartedError as error:
        raise Rejected("The call is over") from error
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
        raise PortError(f"{what}: no answer within {timeout} s") from error
    # The client reports a connection refused at first use as RuntimeError.
    except (RPCError, WorkflowQueryFailedError, WorkflowQueryRejectedError, RuntimeError) as error:
        raise PortError(f"{what}: {error}") from error


@asynccontextmanager
async def _refused_when_over(workflow_id: str, noted: Callable[[], None] = lambda: None) -> AsyncIterator[None]:
    """Nobody is there to be told any more: `noted` is called, then `Rejected` raised."""
    try:
        yield
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        noted()
        raise Rejected(f"{workflow_id} is over") from error


def _summary(start: CallStarted) -> str:
    """What the workflow list of the Temporal UI says of a call."""
    if start.direction is Direction.CALLBACK:
        return f"Callback to {start.from_number}, promised in {start.callback_of}"
    return f"Call from {start.from_number}"


def _count_too_late(message: str, call_sid: str, **values: object) -> None:
    too_late.labels(message).inc()
    log.warning("control_message_too_late", message=message, call_sid=call_sid, **values)
