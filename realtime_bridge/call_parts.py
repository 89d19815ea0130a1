"""What the calls of one bridge have in common."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from firstline.domain.turn import Usage
from firstline.ports import CallControl, Knowledge, Transcription
from realtime_bridge.phrases import PhraseBook
from realtime_bridge.protocol.realtime import SessionConfig
from realtime_bridge.protocol.rules import CallRules
from realtime_bridge.recording import Recordings
from realtime_bridge.spool import Spool
from realtime_bridge.warm_pool import WarmPool


@dataclass(frozen=True)
class CallParts:
    """What every live call of this bridge shares."""

    knowledge: Knowledge
    control: CallControl
    spool: Spool
    phrases: PhraseBook
    company: str
    configs: Mapping[str, SessionConfig]
    """Language -> what the model is asked for in it."""
    zone: ZoneInfo
    pool: WarmPool
    """Where sessions come from."""
    speculate: bool = True
    """Whether the help centre is searched while callers still speak."""
    rules: CallRules = field(default_factory=CallRules)
    transcription: Transcription | None = None
    """Writes down what the model could not make out."""
    price: Callable[[Usage], float | None] | None = None
    """What a response costs in USD, None where that is unknown; no function where nobody asks."""
    recordings: Recordings | None = None
    """None: no audio is kept."""
