"""The gate: the only place that decides whether a person is paged.

The model may ask for a handoff for any reason. The side effect happens only on

    runtime confidence < 0.7  OR  an explicit request by the caller  OR  a must-refuse category

and, without the model, when the bridge itself finds the agent silent (docs/decisions/0007-nothing-is-silent.md).
(case study, `handoff_to_human.tool.json`; decisions.md, row 19). The bridge asks before it speaks; the workflow asks
again, authoritatively, and its answer is in the call's history.
"""

from dataclasses import dataclass
from enum import StrEnum

from firstline.domain.confidence import GATE
from firstline.domain.refusal import RefuseCategory, asks_for_person, refuse_category


class HandoffReason(StrEnum):
    """Why a handoff is asked for. All but `dead_air` are the tool schema's enum."""

    LOW_CONFIDENCE = "low_confidence"
    OUT_OF_SCOPE = "out_of_scope"
    CALLER_REQUEST = "caller_request"
    MUST_REFUSE_CATEGORY = "must_refuse_category"
    MULTILINGUAL_HANDOFF = "multilingual_handoff"
    DEAD_AIR = "dead_air"
    """The agent fell silent. No model can claim it: the schema does not have it, and the gate asks for `cause`."""


class RuntimeCause(StrEnum):
    """What makes the bridge itself ask for a person, past the model."""

    DEAD_AIR = "dead_air"
    """The caller heard nothing for the live line's limit while an answer was owed."""
    PRESSED_ZERO = "pressed_zero"
    """The caller pressed 0."""


@dataclass(frozen=True)
class Evidence:
    """What the gate looks at. Everything here is the runtime's own knowledge but `claimed` and `model_confidence`."""

    caller_text: str
    """The caller's words of the last turns, joined."""
    confidence: float | None
    """The runtime's, 0..1; None when nothing was looked up yet, which is unknown and trips nothing."""
    claimed: HandoffReason | None = None
    """The reason the model gave; recorded, and kept as the routing reason when the gate opens for low confidence."""
    model_confidence: float | None = None
    """Recorded only."""
    cause: RuntimeCause | None = None
    """Set by the bridge alone, never from a tool's arguments; None when the model asks."""


@dataclass(frozen=True)
class Decision:
    """The gate's answer, recorded with its inputs before anything is paged or dialled."""

    allowed: bool
    reason: HandoffReason | None
    """The reason that opened the gate; None when it stayed shut."""
    category: RefuseCategory | None
    why: str
    """One line for the person who reads the call afterwards."""


def decide_handoff(evidence: Evidence) -> Decision:
    """Whether a person may be paged on this evidence, and for which reason."""
    category = refuse_category(evidence.caller_text)
    if category is not None:
        return Decision(True, HandoffReason.MUST_REFUSE_CATEGORY, category, f"must-refuse category {category.value}")
    if asks_for_person(evidence.caller_text):
        return Decision(True, HandoffReason.CALLER_REQUEST, None, "the caller asked for a person")
    if evidence.cause is RuntimeCause.PRESSED_ZERO:
        return Decision(True, HandoffReason.CALLER_REQUEST, None, "the caller pressed 0 for a person")
    if evidence.cause is RuntimeCause.DEAD_AIR:
        return Decision(True, HandoffReason.DEAD_AIR, None, "the agent was silent while an answer was owed")
    if evidence.confidence is None:
        return Decision(False, None, None, "nothing was looked up yet, so confidence is unknown")
    if evidence.confidence < GATE:
        # The model may name a finer reason for the same evidence; a request the caller never made is not one.
        finer = {HandoffReason.OUT_OF_SCOPE, HandoffReason.MULTILINGUAL_HANDOFF}
        reason = evidence.claimed if evidence.claimed in finer else HandoffReason.LOW_CONFIDENCE
        return Decision(True, reason, None, f"confidence {evidence.confidence:.2f} is below {GATE}")
    return Decision(False, None, None, f"confidence {evidence.confidence:.2f} is not below {GATE}, and no other reason")
