"""How a call ended: five outcomes, each with one definition, never two at once (decisions.md, row 5)."""

from collections.abc import Sequence

from firstline.domain.call import Outcome
from firstline.domain.confidence import GATE
from firstline.domain.handoff import HandoffResult, HandoffState
from firstline.domain.turn import Turn


def decide_outcome(turns: Sequence[Turn], handoff: HandoffResult | None, callback_booked: bool) -> Outcome:
    """The outcome of a call that is over; the first rule that applies decides.

    A caller who was owed a person and left while waiting is abandoned, whatever was answered before: counting that
    call as resolved would flatter the deflection rate.
    """
    if handoff is not None and handoff.state is HandoffState.BRIDGED:
        return Outcome.TRANSFERRED
    if handoff is not None and handoff.state is HandoffState.FAILSAFE:
        return Outcome.FAILSAFE
    if callback_booked:
        return Outcome.CALLBACK
    if handoff is None and any(answered(turn) for turn in turns):
        return Outcome.RESOLVED
    return Outcome.ABANDONED


def answered(turn: Turn) -> bool:
    """Whether the caller heard an answer that the help centre supports."""
    return turn.confidence is not None and turn.confidence >= GATE and bool(turn.agent_text.strip())
