"""Calls to test with: who rings, what happens, what is asked."""

import uuid
from datetime import UTC, datetime, timedelta

from activities.archive import TraceActivities
from activities.callback import CallbackActivities
from activities.csat import CsatActivities
from activities.handoff import HandoffActivities
from activities.on_call import OnCallActivities
from activities.orphans import OrphanActivities
from activities.prefetch import PrefetchActivities
from activities.retention import RetentionActivities
from activities.review import ReviewActivities
from activities.slo import SloActivities
from activities.trace_view import TraceViewActivities
from firstline.domain.call import CallStarted, TranscriptLine
from firstline.domain.callback import CallbackRequest
from firstline.domain.facts import Fact, FactKind
from firstline.domain.gate import Evidence
from firstline.domain.handoff import HandoffRequest
from firstline.domain.turn import Turn
from tests.workflows.fakes import World
from workers.worker import Activities

CALLER = "+15550100999"
LINE = "+15550100100"
REPS = ["+15550100201", "+15550100202"]
RANG_AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
PHRASES = {"en": ["Hello.", "One moment."], "es": ["Hola."]}


def started(call_sid: str = "", caller: str = CALLER) -> CallStarted:
    """A call that rings, with a CallSid of its own."""
    return CallStarted(call_sid or f"CA{uuid.uuid4().hex}", caller, LINE, RANG_AT.isoformat())


def fact(
    start: CallStarted, name: str, kind: FactKind, second: int = 0, detail: str = "", turn: Turn | None = None
) -> Fact:
    """A fact of this call, `second` seconds after it rang; its event id is made from `name`."""
    at = (RANG_AT + timedelta(seconds=second)).isoformat()
    return Fact(f"{start.call_sid}:{name}", start.call_sid, kind, at, turn, detail)


def talking(start: CallStarted) -> list[Fact]:
    """The call rang and the caller talks to the agent."""
    return [
        fact(start, "started", FactKind.CALL_STARTED),
        fact(start, "stream:1", FactKind.STREAM_STARTED, 1, detail="MZ1"),
    ]


def answered_turn(start: CallStarted, number: int = 1, confidence: float | None = 0.9) -> Fact:
    """A turn in which the agent answered from the help centre."""
    turn = Turn(number, "How do I reset my password?", "Open settings.", confidence=confidence, chunk_ids=["kb_1"])
    return fact(start, f"turn:{number}", FactKind.TURN_FINISHED, 10 * number, turn=turn)


def stream_ended(start: CallStarted, detail: str, second: int = 60) -> Fact:
    """The stream ended for this reason."""
    return fact(start, f"stream-ended:{second}", FactKind.STREAM_ENDED, second, detail)


def call_ended(start: CallStarted) -> Fact:
    """The carrier says that the call is over."""
    return fact(start, "ended", FactKind.CALL_ENDED, 90, "completed")


def wants_person(start: CallStarted) -> HandoffRequest:
    """A handoff that the gate lets through: the caller asked for it."""
    return HandoffRequest(
        start.call_sid,
        Evidence("I want to talk to a person please", confidence=0.95),
        "en",
        "The caller cannot reset their password. They tried twice.",
        ["kb_0123456789ab"],
        [TranscriptLine("caller", "I want to talk to a person please")],
    )


def wants_nothing(start: CallStarted) -> HandoffRequest:
    """A handoff that the gate refuses: the model asks, the evidence does not."""
    return HandoffRequest(start.call_sid, Evidence("How do I reset my password?", confidence=0.95), "en", "Summary.")


def call_me(start: CallStarted, at: datetime) -> CallbackRequest:
    """A callback at this moment."""
    return CallbackRequest(start.call_sid, CALLER, at.isoformat(), "password reset")


def activities_of(world: World, reps: list[str] | None = None) -> Activities:
    """Every activity, bound to a fake world."""
    return Activities(
        handoff=HandoffActivities(world.paging, world.telephony, REPS if reps is None else reps, "http://ui/workflows"),
        on_call=OnCallActivities(world.on_call, REPS if reps is None else reps),
        callback=CallbackActivities(world.telephony, world.rules),
        trace=TraceActivities(world.object_store, world.read_model),
        prefetch=PrefetchActivities(world.voice, world.object_store, PHRASES),
        review=ReviewActivities(world.statistics, world.object_store, world.tickets, UTC, "http://ui/workflows"),
        slo=SloActivities(world.statistics, world.paging, "http://ui/workflows"),
        csat=CsatActivities(world.survey, UTC),
        retention=RetentionActivities(world.object_store, world.retention, world.trace_view),
        trace_view=TraceViewActivities(world.object_store, world.trace_view),
        orphans=OrphanActivities(
            world.telephony, world.open_calls, world.paging, LINE, REPS, "http://ui/workflows", world.on_call
        ),
    )
