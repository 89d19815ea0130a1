"""What a call session tells its shell to do."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from firstline.domain.facts import FactKind
from firstline.domain.gate import RuntimeCause
from firstline.domain.turn import Turn
from realtime_bridge.protocol.faults import Fault
from realtime_bridge.protocol.twilio import CallerAudio


@dataclass(frozen=True, slots=True)
class ToPhone:
    """Send a text frame to the carrier."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Play(ToPhone):
    """A frame of audio, with the base64 µ-law in it: whoever keeps that keeps no second copy."""

    payload: str


@dataclass(frozen=True, slots=True)
class ToModel:
    """Send a text frame to the realtime model."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Configure(ToModel):
    """A `session.update`, unless the session was configured so before the call had it."""


@dataclass(frozen=True, slots=True)
class LaneFault:
    """The model's session says that something is wrong with its lane."""

    fault: Fault
    session_lost: bool
    """This session is of no use any more; else it goes on, and only others should go elsewhere."""


@dataclass(frozen=True, slots=True)
class RunTool:
    """Run one of the three tools beside the loop; answer with `CallSession.tool_answered`."""

    call_id: str
    name: str
    arguments: str
    """JSON, as the model sent it."""


@dataclass(frozen=True, slots=True)
class Search:
    """Search the help centre for what the caller is saying; answer with `CallSession.searched` or `.search_failed`.

    It takes the place of the call's search under way, if there is one.
    """

    id: int
    query: str
    delay_ms: float
    """Wait so long first: a better question may come."""


@dataclass(frozen=True, slots=True)
class Forget:
    """Cancel the search under way."""


@dataclass(frozen=True, slots=True)
class HearAgain:
    """Have another transcriber write down a turn beside the loop; answer with `CallSession.heard_again`."""

    item_id: str
    frames: Sequence[CallerAudio]


@dataclass(frozen=True, slots=True)
class CallerSpeaks:
    """Speech was detected: what the caller says from here on is worth keeping, with a little before."""


@dataclass(frozen=True, slots=True)
class TurnBegan:
    """The caller has finished saying something: what is played from here on answers it."""

    number: int


@dataclass(frozen=True, slots=True)
class Report:
    """Hand a fact to the control plane."""

    kind: FactKind
    turn: Turn | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AskForPerson:
    """Have the runtime, not the model, ask for a person; answer with `CallSession.person_answered`."""

    cause: RuntimeCause


@dataclass(frozen=True, slots=True)
class AskIfAlive:
    """Ping the model's session; answer a pong with `CallSession.model_pulse`."""


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that people who run the line want to see counted: a filler, a prompt into silence, a back-channel."""

    event: str


@dataclass(frozen=True, slots=True)
class Count:
    """Something was swallowed."""

    event: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """A tool's result on its way back into the session."""

    output: str
    """JSON for the model."""
    chunk_ids: list[str] = field(default_factory=list)
    article_ids: list[str] = field(default_factory=list)
    confidence: float | None = None
    model_confidence: float | None = None
    stages: dict[str, float] = field(default_factory=dict)
    farewell: bool = False
    """The next thing the agent says is its last: the caller is about to be moved."""


Command = (
    ToPhone
    | ToModel
    | LaneFault
    | RunTool
    | Search
    | Forget
    | HearAgain
    | AskForPerson
    | AskIfAlive
    | CallerSpeaks
    | TurnBegan
    | Report
    | Happened
    | Count
)
