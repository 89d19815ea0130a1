"""A voice that goes on when another one fails in the middle of an answer."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import structlog
from prometheus_client import Counter

from firstline.speech.audio import AudioFormat
from firstline.speech.speak import Speaker, SpokenPiece

FALLBACKS = Counter(
    "firstline_voice_fallbacks_total", "Answers that the first voice did not finish and the second one did", ["why"]
)

log = structlog.get_logger()


class VoiceFailed(Exception):
    """A voice cannot say the rest; `why` is a word or two for a metric's label."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class SteadySpeaker:
    """The first voice; from the word at which it fails, the second one."""

    def __init__(self, first: Speaker, second: Speaker) -> None:
        self._first = first
        self._second = second

    async def stream(
        self, words: AsyncIterator[str], language: str, form: AudioFormat, speed: float = 1.0
    ) -> AsyncGenerator[SpokenPiece]:
        """The clauses as sound; no word is said twice."""
        given = _Given(words)
        spoken = 0
        try:
            async with aclosing(self._first.stream(given.read(), language, form, speed)) as pieces:
                async for piece in pieces:
                    spoken += len(piece.text.split())
                    yield piece
                return
        except VoiceFailed as failed:
            FALLBACKS.labels(failed.why).inc()
            log.warning("voice_fell_back", why=failed.why, words_spoken=spoken)
        async with aclosing(self._second.stream(given.after(spoken), language, form, speed)) as pieces:
            async for piece in pieces:
                yield piece

    def prepare(self, language: str, form: AudioFormat) -> None:
        """An answer will be spoken in a moment."""
        self._first.prepare(language, form)
        self._second.prepare(language, form)

    def close(self) -> None:
        """Give everything back."""
        self._first.close()
        self._second.close()


class _Given:
    """Remembers the clauses that the first voice took, for the second one."""

    def __init__(self, words: AsyncIterator[str]) -> None:
        self._words = words
        self._taken: list[str] = []

    async def read(self) -> AsyncIterator[str]:
        async for text in self._words:
            self._taken.append(text)
            yield text

    async def after(self, spoken: int) -> AsyncIterator[str]:
        """What is left after so many words."""
        rest = " ".join(" ".join(self._taken).split()[spoken:])
        if rest:
            yield rest
        async for text in self._words:
            yield text
