"""A handoff: what is asked, what a person is told, and the states it passes through."""

from dataclasses import dataclass, field
from enum import StrEnum

from firstline.domain.call import TranscriptLine
from firstline.domain.gate import Decision, Evidence

SUMMARY_MAX = 800
"""Characters; the tool schema's `transcript_summary.maxLength`."""


@dataclass(frozen=True)
class HandoffRequest:
    """What the bridge asks of the call's workflow."""

    call_sid: str
    evidence: Evidence
    """What the bridge's gate decided on; the workflow decides on it again."""
    language: str
    summary: str
    """At most 800 characters; two sentences are spoken to the rep as the brief."""
    chunk_ids: list[str] = field(default_factory=list)
    """At most 12 `kb_<12 hex>` ids of the passages found so far."""
    transcript: list[TranscriptLine] = field(default_factory=list)


@dataclass(frozen=True)
class HandoffAccepted:
    """The workflow's answer to the bridge; what the caller waits for."""

    handoff_id: str
    """The handoff workflow's id, also PagerDuty's dedup key."""
    decision: Decision
    already: bool = False
    """True when a handoff of this call was already under way: asking twice pages once."""


class HandoffState(StrEnum):
    """Where a handoff stands."""

    PAGING = "paging"
    HOLDING = "holding"
    RINGING = "ringing"
    JOINING = "joining"
    BRIDGED = "bridged"
    FAILSAFE = "failsafe"
    CALLER_LEFT = "caller_left"


class RepAnswer(StrEnum):
    """What a rung rep did."""

    ACCEPTED = "accepted"
    DECLINED = "declined"
    NO_ANSWER = "no_answer"


@dataclass(frozen=True)
class HandoffInput:
    """Input of the handoff workflow."""

    request: HandoffRequest
    from_number: str
    """The caller, E.164."""
    line_number: str
    """Our own line, E.164: the caller id that the rep sees."""
    decision: Decision


@dataclass(frozen=True)
class HandoffResult:
    """How a handoff ended."""

    state: HandoffState
    rep: str = ""
    """Number of the rep who came to the caller; empty otherwise."""
    page_to_pickup_ms: int | None = None
    """From the page sent to a rep's joining the caller; None when nobody did.

    The press of 1 does not count: the caller hears nobody yet, and a rep may be lost on the way. Where the carrier had
    to be asked, it ends with the carrier's answer, later than the join by up to the wait for it.
    """
