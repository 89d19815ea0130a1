"""What the agent says outside the model: pre-rendered, so it is heard the moment it is wanted."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Phrase:
    """Words and their sound."""

    text: str
    pieces: Sequence[str]
    """Base64 µ-law, each at most a few hundred ms."""


@dataclass(frozen=True)
class CallPhrases:
    """The phrases of one language. One that is missing is not said, and what hangs on it happens at once."""

    fillers: Sequence[Phrase] = ()
    """Break a silence while the agent works; each at most about a second long."""
    getting_person: Phrase | None = None
    """The agent gives up on itself and asks for a person."""
    connecting: Phrase | None = None
    """A person is promised: the last words before the caller is moved."""
    no_person: Phrase | None = None
    """The promise could not be made."""
    still_there: Phrase | None = None
    silence_goodbye: Phrase | None = None
    limit_warning: Phrase | None = None
    """One minute before the call's longest length, or near its highest cost."""
    limit_goodbye: Phrase | None = None
    typed: str = "The caller typed {digits}."
    """Tells the model what was entered on the phone's keys."""
