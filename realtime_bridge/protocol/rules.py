"""How long a live call waits for what. All times are ms."""

from dataclasses import dataclass

NEVER = float("inf")
"""The moment at which a thing is due that is not due at all."""


@dataclass(frozen=True)
class CallRules:
    """A limit of 0 switches its rule off."""

    filler_after_ms: float = 700.0
    """Silence in the caller's ear, while an answer is owed, that a filler breaks."""
    filler_every_ms: float = 4000.0
    """Between the beginnings of two fillers of one wait: more often sounds like a machine."""
    live_line_after_ms: float = 1000.0
    """Silence, while an answer is owed, after which a person is asked for."""
    slow_tool_ms: float = 6000.0
    """A tool that runs is work under way: fillers bridge it for so long before silence counts as dead air."""
    silence_step_ms: float = 8000.0
    """Silence of a caller whose turn it is: asked after it whether they are there, twice, then told goodbye."""
    barge_in_after_ms: float = 1500.0
    """A sound over the agent's voice is an interruption when it lasts this long; a shorter one by its words."""
    max_call_ms: float = 0.0
    max_call_usd: float = 0.0
