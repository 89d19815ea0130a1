"""The languages a call can be held in, and the epoch that keeps stale cache entries unread.

Week 5 of the case study: the first detected language was cached for the whole call, and a switch cost 1.4 s of silence.
Here every language-dependent cache entry is keyed by the call's *language epoch*; a switch bumps it, so an entry made
before the switch cannot be read after it.
"""

from dataclasses import dataclass

SUPPORTED = ("en", "es")
"""ISO 639-1 codes, the default first."""


@dataclass(frozen=True)
class CallLanguage:
    """A call's language at one moment."""

    code: str = SUPPORTED[0]
    epoch: int = 0

    def switch(self, code: str) -> "CallLanguage":
        """The same call after a switch; unchanged when `code` is the current language."""
        return self if code == self.code else CallLanguage(code, self.epoch + 1)
