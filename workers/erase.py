"""Erasing a caller, and holding what must not be erased. By this process itself: a workflow would keep the number."""

import asyncio
import json
from collections.abc import Collection
from contextlib import AsyncExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from uuid import uuid4

from firstline.adapters.caller_workflows import TemporalCallerWorkflows
from firstline.adapters.postgres import migrate
from firstline.adapters.retention import PostgresRetention
from firstline.adapters.temporal import connect
from firstline.domain.call import CALL_SID, E164
from firstline.domain.retention import Attestation, KeptCall, audio_folder, claims_folder, cold_key, trace_key
from firstline.names import call_workflow_id, callback_workflow_id, handoff_workflow_id
from firstline.ports import ObjectStore, Rejected
from firstline.ports_after_call import CallerWorkflows, Retention, TraceView
from firstline.settings import Settings
from workers import wiring, wiring_trace_view
from workers.wiring_settings import database_url
from workers.wiring_store import converter, object_store

_LET_GO_S = 0.3
_WORKFLOWS_OF_A_CALL = (call_workflow_id, handoff_workflow_id, callback_workflow_id)


async def erase(
    phone: str,
    store: ObjectStore,
    retention: Retention,
    workflows: CallerWorkflows,
    now: datetime,
    view: TraceView | None = None,
) -> tuple[Attestation, str]:
    """Erase what is kept of a caller (E.164), and attest it; returns the attestation and its link.

    May be run again at any time: what is gone stays gone, and what a run left (open workflows, held calls) is told.
    Raises `Rejected` for what is no phone number, `PortError` when a store does not answer: then nothing is attested.
    """
    if not E164.match(phone):
        raise Rejected("the phone number is not in international format, like +15551234567")
    # Temporal also knows calls that never reached the read model.
    known = {*await retention.calls_of(phone), *await workflows.calls_of(phone)}
    held = {call.call_sid for call in known} & {*await retention.held()}
    going = [call for call in known if call.call_sid not in held]
    traces = sum([await _erase_trace(store, call) for call in going])
    recordings = sum([await _erase_audio(store, call) for call in going])
    if view is not None and going:
        await view.forget([call.call_sid for call in going])
    deleted, running = await workflows.forget_caller(phone, held)
    claims = sum([await _erase_claims(store, call, running) for call in going])
    # The rows last: while they are there, a run that broke off knows what is left to do.
    rows = await retention.forget([call.call_sid for call in going])
    at = now.isoformat(timespec="seconds")
    attestation = Attestation(
        at,
        rows,
        traces,
        deleted,
        len(held),
        len(running),
        claims=claims,
        recordings=recordings,
        shown=0 if view is None else len(going),
    )
    key = f"attestations/{now:%Y-%m-%dT%H%M%SZ}-{uuid4().hex[:8]}.json"
    return attestation, await store.put(key, json.dumps(asdict(attestation), indent=1).encode())


async def _erase_trace(store: ObjectStore, call: KeptCall) -> bool:
    """Hot or cold; whether there was one."""
    key = trace_key(call.day, call.call_sid)
    hot, cold = await store.delete(key), await store.delete(cold_key(key))
    return hot or cold


async def _erase_claims(store: ObjectStore, call: KeptCall, running: Collection[str]) -> int:
    """What was too big for the histories of a call, but not of what still runs; how many."""
    gone = 0
    for workflow_id in (of(call.call_sid) for of in _WORKFLOWS_OF_A_CALL):
        if workflow_id not in running:
            gone += sum([await store.delete(key) for key in await store.keys(claims_folder(workflow_id))])
    return gone


async def _erase_audio(store: ObjectStore, call: KeptCall) -> int:
    """Hot or cold; how many recordings there were."""
    folder = audio_folder(call.day, call.call_sid)
    keys = [*await store.keys(folder), *await store.keys(cold_key(folder))]
    return sum([await store.delete(key) for key in keys])


async def run_erase(settings: Settings, phone: str) -> tuple[Attestation, str]:
    """`firstline erase`."""
    async with AsyncExitStack() as stack:
        await migrate(database_url(settings))
        client = await connect(settings.temporal_address, settings.temporal_namespace, converter(settings))
        retention = PostgresRetention(await wiring.Opened(settings, stack).pool())
        workflows = TemporalCallerWorkflows(client)
        view = wiring_trace_view.trace_view(settings)
        if view is not None:
            stack.push_async_callback(view.aclose)
        done = await erase(phone, object_store(settings), retention, workflows, datetime.now(UTC), view)
    # The native threads of two clients let go of their last answer shortly after we have it; an interpreter that ends
    # meanwhile is aborted by them (exit code 134 in a quarter of the runs on CPython 3.11).
    await asyncio.sleep(_LET_GO_S)
    return done


async def run_hold(settings: Settings, subject: str, why: str, release: bool) -> str:
    """`firstline hold`; returns what was done, in a line."""
    if not (CALL_SID.match(subject) or E164.match(subject)):
        raise Rejected(
            f"{subject!r} is neither a CallSid (CA and 32 hexadecimal digits) nor a number like +15551234567"
        )
    if not (why or release):
        raise Rejected("say why it must be kept: --why 'case 4711'")
    async with AsyncExitStack() as stack:
        await migrate(database_url(settings))
        retention = PostgresRetention(await wiring.Opened(settings, stack).pool())
        if release:
            return "released" if await retention.release(subject) else "there was no hold"
        await retention.hold(subject, why)
    return "held: neither retention nor an erasure touches it until --release"
