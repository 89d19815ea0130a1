"""What a fresh stream needs to go on with a call whose last one broke."""

from dataclasses import dataclass, field

from firstline.domain.call import CallStarted, TranscriptLine


@dataclass(frozen=True)
class ResumeContext:
    """The call so far, as heard."""

    start: CallStarted
    language: str
    lines: list[TranscriptLine] = field(default_factory=list)
    """Both sides in order, as heard; an answer that was cut ends where it was cut."""
    unanswered: bool = False
    """The caller's last words have no answer yet."""
    chunk_ids: list[str] = field(default_factory=list)
    """Passages found so far, the newest first, at most 12."""
    confidence: float | None = None
    """The runtime's, of the last look-up."""
    promises: list[str] = field(default_factory=list)
    """What the caller was already promised, in a line each."""
