"""What the simulators know at the end: the other end of every promise."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from firstline.names import CONFERENCE_PREFIX
from workers.bench.lifecycle.callers import Caller
from workers.bench.lifecycle.stage import REPS, Stage

ABNORMAL = 1006
"""The close code of a socket whose other end died."""
Event = dict[str, Any]


@dataclass(frozen=True)
class Leg:
    """One call at the carrier."""

    sid: str
    to: str
    from_: str
    inbound: bool
    answered_by: str
    events: list[Event] = field(repr=False)

    def all(self, *names: str) -> list[Event]:
        """Its events of these kinds, in order."""
        return [event for event in self.events if event["event"] in names]

    @property
    def heard_agent(self) -> bool:
        """Somebody spoke to the person on this line."""
        return bool(self.all("agent_audio_started"))

    @property
    def answered(self) -> bool:
        """It was picked up."""
        return any(event["status"] == "in-progress" for event in self.all("status"))

    @property
    def left_by_themselves(self) -> bool:
        """The person ended it."""
        return any(event["by"] == "person" for event in self.all("hung_up"))

    @property
    def queued(self) -> bool:
        """It waited, or waits, for whoever answers the failsafe queue."""
        return bool(self.all("queue_joined"))

    @property
    def dropped(self) -> bool:
        """The line went dead, and neither the person nor the agent had ended the call."""
        failed = bool(self.all("error", "stream_error"))
        ended = self.all("hung_up")
        lost = [silence for code, silence in self.breaks() if code == ABNORMAL]
        return bool(ended) and ended[0]["by"] == "twiml" and (failed or (bool(lost) and lost[-1] is None))

    @property
    def gone_at_pick_up(self) -> bool:
        """No bridge was there when we rang somebody and they picked up: they are rung again."""
        return not self.inbound and self.dropped and not self.heard_agent

    @property
    def cut_off(self) -> bool:
        """Somebody else ended it in the middle of a conversation between two people."""
        return bool(self.all("conference_started")) and bool(self.ended_at("api"))

    def ended_at(self, by: str) -> str:
        """When `person`, `api` or `twiml` ended it, ISO 8601; empty when it ended in another way."""
        return next((str(event["time"]) for event in self.all("hung_up") if event["by"] == by), "")

    @property
    def held_for(self) -> str:
        """CallSid of the caller in whose conference it was; empty when it was in none."""
        joined = self.all("conference_joined")
        return str(joined[0]["name"]).removeprefix(CONFERENCE_PREFIX) if joined else ""

    @property
    def trail(self) -> str:
        """What happened to it, in short, for whoever wants to know why."""
        told = (e for e in self.events if e["event"] not in _CHATTER)
        return ", ".join(f"{e['at_ms'] / 1000:.1f} {_in_short(e)}" for e in told)

    def breaks(self) -> Iterator[tuple[int, float | None]]:
        """(close code, silence in ms until somebody spoke again) of every stream that the bridge's end closed.

        None: nobody spoke before the person went into the queue, a conference, or away.
        """
        for at, event in enumerate(self.events):
            if event["event"] != "stream_ended" or event["by"] != "server":
                continue
            later = (e for e in self.events[at:] if e["event"] in _SETTLED)
            settled = next(later, None)
            spoke = settled is not None and settled["event"] == "agent_audio_started"
            yield event["close_code"] or ABNORMAL, settled["at_ms"] - event["at_ms"] if spoke and settled else None


_CHATTER = {"mark_echoed", "agent_audio_started", "agent_audio_stopped", "created", "cleared"}


def _in_short(event: Event) -> str:
    more = (str(event[key]) for key in ("status", "by", "name", "queue", "close_code", "problem") if event.get(key))
    return " ".join([event["event"], *more])


_SETTLED = {"agent_audio_started", "queue_joined", "conference_joined", "hung_up"}


@dataclass(frozen=True)
class Carrier:
    """Every leg, every page."""

    legs: dict[str, Leg]
    incidents: list[dict[str, Any]]

    def rung(self, number: str) -> list[Leg]:
        """The legs that were dialled to this number."""
        return [leg for leg in self.legs.values() if not leg.inbound and leg.to == number]

    def pages(self, dedup_key: str) -> list[dict[str, Any]]:
        """The incidents that were opened under this key."""
        return [incident for incident in self.incidents if incident["dedup_key"] == dedup_key]

    def reps_with(self, conference: str) -> list[Leg]:
        """The reps' legs that sat in this conference."""
        legs = (leg for leg in self.legs.values() if leg.to in REPS)
        return [leg for leg in legs if any(e["name"] == conference for e in leg.all("conference_joined"))]


async def live_legs(stage: Stage) -> int:
    """How many calls the carrier has now."""
    state = (await stage.simulators.get("/sim/state")).json()
    return sum(call["status"] in {"queued", "ringing", "in-progress"} for call in state["calls"])


async def look(stage: Stage) -> Carrier:
    """Everything that happened; for when all calls are over."""
    state = (await stage.simulators.get("/sim/state")).json()
    incidents = (await stage.simulators.get("/sim/incidents")).json()["incidents"]
    legs = {}
    for call in state["calls"]:
        text = (await stage.simulators.get(f"/sim/calls/{call['sid']}/events")).text
        legs[call["sid"]] = Leg(
            sid=call["sid"],
            to=call["to"],
            from_=call["from"],
            inbound=call["direction"] == "inbound",
            answered_by=call["answered_by"] or "",
            events=[json.loads(line) for line in text.splitlines()],
        )
    return Carrier(legs, incidents)


class Phones:
    """Places the calls at their moments and hangs up where a caller does."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._tasks: set[asyncio.Task[None]] = set()
        self.placed = 0

    async def people(self, behaviours: dict[str, list[dict[str, Any]]]) -> None:
        """Set how numbers behave when they are rung."""
        for number, scripts in behaviours.items():
            (await self._stage.simulators.put(f"/sim/people/{number}", json=scripts)).raise_for_status()

    async def ring(self, callers: list[Caller]) -> None:
        """Returns when the last call was placed."""
        clock = asyncio.get_running_loop().time
        began = clock()
        for caller in callers:
            await asyncio.sleep(max(0.0, began + caller.at - clock()))
            if caller.when_rung:
                await self.people({caller.number: caller.when_rung})
            sid = await self.place(caller.number, caller.behaviour)
            self.placed += 1
            if caller.hangs_up_after is not None:
                task = asyncio.create_task(self._hang_up(sid, caller.hangs_up_after))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def place(self, number: str, behaviour: dict[str, Any]) -> str:
        """Somebody phones in now; the CallSid."""
        settings = self._stage.settings
        body = {
            "from": number,
            "to": settings.line_number,
            "voice_url": f"{settings.bridge_url}/twilio/voice",
            "fallback_url": self._stage.fallback_url,
            "status_callback": f"{settings.bridge_url}/twilio/call-status",
            **behaviour,
        }
        response = await self._stage.simulators.post("/sim/calls", json=body)
        response.raise_for_status()
        return str(response.json()["sid"])

    async def _hang_up(self, sid: str, after: float) -> None:
        await asyncio.sleep(after)
        await self._stage.simulators.post(f"/sim/calls/{sid}/hangup")
