"""The verdict: what was promised, by Temporal's histories, against what happened, by the simulators."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from firstline import names
from firstline.domain.call import Outcome
from workers.bench.lifecycle.callers import Caller
from workers.bench.lifecycle.carrier import Carrier, Leg
from workers.bench.lifecycle.histories import Execution
from workers.bench.lifecycle.stage import REPS


@dataclass
class Tally:
    """Promises of one kind."""

    promised: int = 0
    kept: int = 0
    doubled: int = 0
    lost: int = 0

    def judge(self, times: int) -> str:
        """Count one promise that was kept so many times; the verdict in a word."""
        self.promised += 1
        verdict = "kept" if times == 1 else "doubled" if times > 1 else "lost"
        setattr(self, verdict, getattr(self, verdict) + 1)
        return verdict


@dataclass
class Verdict:
    """All promises, and a line for whatever is wrong."""

    pages: Tally = field(default_factory=Tally)
    """A handoff pages once, and the page is closed once a person has the call or the caller is gone."""
    people: Tally = field(default_factory=Tally)
    """A caller who waits gets one person, or the failsafe queue when nobody takes the call."""
    callbacks: Tally = field(default_factory=Tally)
    """One call to the number is answered by a person, who hears the agent; without any bridge, the queue."""
    outcomes: dict[str, int] = field(default_factory=dict)
    unclosed: int = 0
    """Calls without exactly one closed workflow with an outcome."""
    never_reached_us: int = 0
    """Calls for which no bridge was there from beginning to end: the carrier's static TwiML had them."""
    dropped: int = 0
    """Callers' lines that went dead. A rep's may: the caller waits, and the next rep is rung."""
    wrong: list[str] = field(default_factory=list)

    @property
    def promises(self) -> Tally:
        """All kinds together."""
        kinds = (self.pages, self.people, self.callbacks)
        return Tally(*(sum(getattr(kind, name) for kind in kinds) for name in ("promised", "kept", "doubled", "lost")))


def decide(carrier: Carrier, executions: dict[str, list[Execution]], callers: list[Caller]) -> Verdict:
    """Look at every promise from its other end."""
    verdict = Verdict()
    rung = {caller.number: len(caller.when_rung) for caller in callers if caller.when_rung}
    for execution in (one for runs in executions.values() for one in runs if one.type == names.CALL_WORKFLOW):
        sid = execution.id.removeprefix("call-")
        leg = carrier.legs.get(sid)
        if leg is None:
            verdict.wrong.append(f"{execution.id}: the carrier knows no such call")
            continue
        if names.HANDOFF_UPDATE in execution.promised:
            _handoff(verdict, carrier, executions, leg, execution.outcome)
        if names.CALLBACK_UPDATE in execution.promised:
            _callback(verdict, carrier, leg.from_ if leg.inbound else leg.to, sid, rung)
    _closed(verdict, carrier, executions)
    _lines(verdict, carrier)
    return verdict


def _handoff(
    verdict: Verdict, carrier: Carrier, executions: dict[str, list[Execution]], caller: Leg, outcome: str
) -> None:
    saga = names.handoff_workflow_id(caller.sid)
    if saga not in executions and caller.left_by_themselves:
        return  # gone before anybody was paged: nothing is owed
    pages = carrier.pages(saga)
    if (found := verdict.pages.judge(len(pages))) != "kept":
        verdict.wrong.append(f"{saga}: page {found}, {len(pages)} incidents: {caller.trail}")
    people = carrier.reps_with(names.conference_name(caller.sid))
    looked_after = len(people) or int(caller.queued or caller.left_by_themselves)
    if (found := verdict.people.judge(looked_after)) != "kept":
        verdict.wrong.append(f"{saga}: person {found}, {len(people)} reps in the conference: {caller.trail}")
    # Who went to the queue is still owed a person: that page stays open.
    if outcome in {Outcome.TRANSFERRED, Outcome.ABANDONED} and any(page["status"] != "resolved" for page in pages):
        verdict.wrong.append(f"{saga}: the page is left open: {caller.trail}")


def _callback(verdict: Verdict, carrier: Carrier, number: str, sid: str, rung: dict[str, int]) -> None:
    legs = [leg for leg in carrier.rung(number) if leg.sid != sid and not leg.gone_at_pick_up]
    by_a_person = [leg for leg in legs if leg.answered and leg.answered_by == "human"]
    reached = [leg for leg in by_a_person if leg.heard_agent or leg.queued]
    found = verdict.callbacks.judge(len(reached) if len(legs) <= rung.get(number, 1) or not reached else 2)
    if found != "kept":
        told = f"{len(legs)} dialled, {rung.get(number, 1)} needed, {len(reached)} reached: "
        told += "; ".join(f"{leg.sid} {leg.trail}" for leg in legs)
        verdict.wrong.append(f"{names.callback_workflow_id(sid)}: callback {found}, {told}")


def _closed(verdict: Verdict, carrier: Carrier, executions: dict[str, list[Execution]]) -> None:
    for leg in _conversations(carrier):
        runs = executions.get(names.call_workflow_id(leg.sid), [])
        if len(runs) == 1 and runs[0].outcome:
            verdict.outcomes[runs[0].outcome] = verdict.outcomes.get(runs[0].outcome, 0) + 1
            continue
        if not runs and not leg.all("stream_started"):
            verdict.never_reached_us += 1
            continue
        verdict.unclosed += 1
        found = "open" if runs else "never started"
        verdict.wrong.append(f"call-{leg.sid}: {len(runs)} workflows, {found}: {leg.trail}")


def _lines(verdict: Verdict, carrier: Carrier) -> None:
    for leg in carrier.legs.values():
        if leg.dropped and leg.to not in REPS and not leg.gone_at_pick_up:
            verdict.dropped += 1
            verdict.wrong.append(f"{leg.sid}: the line went dead: {leg.trail}")
        if leg.cut_off and not _caller_left_first(carrier, leg):
            verdict.wrong.append(f"{leg.sid}: a conversation with a person was cut off: {leg.trail}")


def _caller_left_first(carrier: Carrier, leg: Leg) -> bool:
    """Whether the caller had hung up by then: a rep who has just joined is let go with good reason."""
    caller = carrier.legs.get(leg.held_for)
    left = caller.ended_at("person") if caller else ""
    return bool(left) and left <= leg.ended_at("api")


def _conversations(carrier: Carrier) -> Iterator[Leg]:
    """Calls with a person who was connected to the agent, or should have been."""
    for leg in carrier.legs.values():
        if leg.inbound or leg.all("stream_started"):
            yield leg
