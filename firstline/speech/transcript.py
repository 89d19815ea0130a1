"""What a transcriber returns."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Transcript:
    """The words of one stretch of sound."""

    text: str
    """Empty when nobody spoke."""
    language: str
    """ISO 639-1: as asked for, or as detected."""
    logprob: float
    """Mean log probability of a token, 0 or less."""
    no_speech: float
    """Probability that nobody spoke, 0..1."""
