"""What a call's workflow knows: one serialisable object that learns facts and answers questions."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum

from firstline.domain.call import CallStarted, Direction, Outcome
from firstline.domain.callback import CallbackBooked
from firstline.domain.facts import Fact, FactKind, NextStep
from firstline.domain.handoff import HandoffAccepted, HandoffResult, HandoffState
from firstline.domain.outcome import answered
from firstline.domain.resume import TOOLS_REPLAYED, ResumeContext, conversation_of
from firstline.domain.turn import Turn

FINAL_STREAM_ENDS = frozenset({"caller_hung_up", "goodbye"})
"""Reasons of `stream_ended` after which nobody comes back; every other one waits for a resume."""


class CallPhase(StrEnum):
    """Where a call stands."""

    RINGING = "ringing"
    TALKING = "talking"
    AWAY = "away"
    """The stream was lost and the call was not: the carrier is asking what to do with the caller."""
    HANDED_OFF = "handed_off"
    OVER = "over"


@dataclass(frozen=True)
class CallView:
    """A call as the `state` query shows it."""

    call_sid: str
    phase: CallPhase
    language: str
    turns: int
    handoff_id: str
    """Empty when no person was asked for."""
    handoff_state: HandoffState | None
    callback_at: str
    """ISO 8601 with offset; empty when none is booked."""
    outcome: Outcome | None
    """None until the call is over."""
    duplicates: int
    """Facts that arrived more than once."""


@dataclass(frozen=True)
class CallClosed:
    """What a call's workflow returns."""

    call_sid: str
    outcome: Outcome
    trace_url: str
    """Empty when the trace could not be archived."""
    turns: int


@dataclass
class CallState:
    """Everything a call's workflow remembers. Times are ISO 8601, UTC."""

    start: CallStarted
    language: str = ""
    turns: list[Turn] = field(default_factory=list)
    open_turn: Turn | None = None
    """What the caller said and has not been answered yet, as far as it was told."""
    timeline: list[str] = field(default_factory=list)
    seen: dict[str, str] = field(default_factory=dict)
    """Event id -> time of the facts learnt so far."""
    duplicates: int = 0
    streaming_since: str = ""
    """When the newest stream began; empty before the first."""
    away: bool = False
    farewell_played: bool = False
    said_goodbye: bool = False
    over_because: str = ""
    """Why the call is over; empty while it is live."""
    handoff: HandoffAccepted | None = None
    handoff_state: HandoffState | None = None
    handoff_result: HandoffResult | None = None
    callback: CallbackBooked | None = None
    outcome: Outcome | None = None
    began: str = ""
    """When the first of its runs began: a long call goes on in another one."""

    def __post_init__(self) -> None:
        self.language = self.language or self.start.language

    @property
    def over(self) -> bool:
        """Whether nobody is at the other end any more."""
        return bool(self.over_because)

    @property
    def phase(self) -> CallPhase:
        """Where the call stands."""
        if self.over:
            return CallPhase.OVER
        if self.handoff is not None:
            return CallPhase.HANDED_OFF
        if self.away:
            return CallPhase.AWAY
        return CallPhase.TALKING if self.streaming_since else CallPhase.RINGING

    @property
    def handoff_reason(self) -> str | None:
        """Why a person was promised; None when none was."""
        if self.handoff is None:
            return None
        reason = self.handoff.decision.reason
        return reason.value if reason else ""

    @property
    def next_step(self) -> NextStep:
        """What to do with a caller whose stream has ended.

        Does not wait for the `stream_ended` fact: the carrier may ask before the fact arrives.
        """
        if self.over or self.said_goodbye:
            return NextStep.GOODBYE
        if self.handoff is None:
            return NextStep.RESUME
        return NextStep.FAILSAFE if self.handoff_state is HandoffState.FAILSAFE else NextStep.CONFERENCE

    def resume_context(self) -> ResumeContext:
        """What a fresh stream needs to go on."""
        lines, tools = conversation_of([*self.turns, *([self.open_turn] if self.open_turn else [])])
        found = [chunk for turn in reversed(self.turns) for chunk in turn.chunk_ids]
        sure = [turn.confidence for turn in self.turns if turn.confidence is not None]
        promises = [f"A callback is booked for {self.callback.at}."] if self.callback else []
        return ResumeContext(
            start=self.start,
            language=self.language,
            lines=lines,
            unanswered=bool(lines) and lines[-1].speaker == "caller",
            unfinished=self.open_turn is not None,
            chunk_ids=list(dict.fromkeys(found))[:12],
            confidence=sure[-1] if sure else None,
            promises=promises,
            tools=tools[-TOOLS_REPLAYED:],
        )

    def view(self) -> CallView:
        """The state as shown to others."""
        return CallView(
            call_sid=self.start.call_sid,
            phase=self.phase,
            language=self.language,
            turns=len(self.turns),
            handoff_id=self.handoff.handoff_id if self.handoff else "",
            handoff_state=self.handoff_state,
            callback_at=self.callback.at if self.callback else "",
            outcome=self.outcome,
            duplicates=self.duplicates,
        )

    def note(self, at: str, line: str) -> None:
        """Add a line to the timeline, with its time."""
        self.timeline.append(f"{datetime.fromisoformat(at):%H:%M:%S} {line}")

    def end(self, at: str, because: str) -> None:
        """The call is over; the first reason stays."""
        if not self.over:
            self.over_because = because
            self.note(at, f"The call is over: {because}")

    def learn(self, fact: Fact) -> bool:
        """Take in a fact; False when it was known already."""
        if fact.event_id in self.seen:
            self.duplicates += 1
            return False
        self.seen[fact.event_id] = fact.at
        match fact.kind:
            case FactKind.CALL_STARTED:
                who = "A caller rang" if self.start.direction is Direction.INBOUND else "We rang back as promised"
                self.note(fact.at, who)
            case FactKind.STREAM_STARTED:
                self._stream_started(fact)
            case FactKind.CALLER_SAID:
                self.open_turn = fact.turn
            case FactKind.TURN_FINISHED if fact.turn is not None:
                self.open_turn = None
                self.turns.append(fact.turn)
                self.note(fact.at, _told(fact.turn))
            case FactKind.LANGUAGE_SWITCHED:
                self.language = fact.detail or self.language
                self.note(fact.at, f"The call goes on in {self.language}")
            case FactKind.FAREWELL_PLAYED:
                self.farewell_played = True
                self.note(fact.at, "The caller heard that a person is being found")
            case FactKind.STREAM_ENDED:
                self._stream_ended(fact)
            case FactKind.CALL_ENDED:
                self.end(fact.at, fact.detail or "the carrier ended it")
        return True

    def _stream_started(self, fact: Fact) -> None:
        self.note(fact.at, "The caller is back" if self.streaming_since else "The caller talks to the agent")
        self.streaming_since = max(self.streaming_since, fact.at, key=_moment)
        self.away = False

    def _stream_ended(self, fact: Fact) -> None:
        # Each bridge delivers its own facts in order, but a bridge that died may deliver the end of its stream after
        # another one has taken over the caller.
        if self.streaming_since and _moment(fact.at) < _moment(self.streaming_since):
            self.note(fact.at, f"An earlier stream had ended: {fact.detail or 'unknown reason'}")
            return
        self.said_goodbye = self.said_goodbye or fact.detail == "goodbye"
        # A caller who is being handed off leaves the stream by being moved, which the stream cannot tell from a
        # hang-up: then only the carrier says that the call is over.
        if self.handoff is not None:
            self.note(fact.at, "The caller left the agent for a person")
        elif fact.detail in FINAL_STREAM_ENDS:
            self.end(fact.at, fact.detail.replace("_", " "))
        else:
            self.away = True
            self.note(fact.at, f"The stream was lost: {fact.detail or 'unknown reason'}")


@dataclass(frozen=True)
class CallBegun(CallStarted):
    """The input of a call's workflow: what was known when it rang, and what an earlier run of it has learnt.

    One object, because the SDK forgets the types of parameters of which some are left out.
    """

    so_far: CallState | None = None

    @property
    def start(self) -> CallStarted:
        """What was known when it rang."""
        return CallStarted(**{name: getattr(self, name) for name in CallStarted.__dataclass_fields__})


def begun(start: CallStarted, so_far: CallState | None = None) -> CallBegun:
    """The input for a workflow that begins, or goes on."""
    return CallBegun(**asdict(start), so_far=so_far)


def _moment(iso: str) -> datetime:
    """A moment to compare by; the empty string comes before all others."""
    return datetime.fromisoformat(iso or "0001-01-01T00:00:00+00:00")


def _told(turn: Turn) -> str:
    """One turn in a line that holds nobody's words."""
    how = "answered" if answered(turn) else "replied" if turn.agent_text.strip() else "no reply"
    sure = "" if turn.confidence is None else f", confidence {turn.confidence:.2f}, {len(turn.chunk_ids)} passages"
    tools = "".join(f", {tool.name}" for tool in turn.tools)
    return f"Turn {turn.number}: {how}{sure}{tools}{', interrupted' if turn.interrupted else ''}"
