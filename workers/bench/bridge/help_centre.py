"""A help centre in memory that takes the time a real one takes, and the same time for the same turn in every run."""

import asyncio
import re
import zlib

from firstline.domain.confidence import RetrievalEvidence
from firstline.domain.passages import Passage, SearchResult
from workers.bench.first_audio.stages import decode, draw, search_seconds

_TEXT = (
    "Choose Forgot password on the sign-in page and open the link that we send you. The link works once and is valid "
    "for 60 minutes. Where single sign-on is on, the password is your company's and is reset there. "
)
_PASSAGES = 5
_EVIDENCE = RetrievalEvidence(0.8, 0.2, agreement=True)


class TimedHelpCentre:
    """Finds the same five passages of about 1,800 characters, after the drawn time of retrieval and rerank.

    A question names its turn by a word (`stages.code`); one without it takes the time of a turn that its words pick.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._drawn: dict[str, float] = {}
        self._passages = [_passage(number) for number in range(1, _PASSAGES + 1)]

    async def search(self, query: str, *, k: int = 5, language: str | None = None) -> SearchResult:
        """The passages, none for anybody but the bench."""
        seconds = self._seconds(query)
        await asyncio.sleep(seconds)
        return SearchResult(query, self._passages[:k], _EVIDENCE, 0.9, {"total": seconds * 1000})

    def _seconds(self, query: str) -> float:
        # Drawn once: drawing costs more than everything that the bridge does for a search.
        if query not in self._drawn:
            self._drawn[query] = search_seconds(draw(self._seed, *self._turn(query)))
        return self._drawn[query]

    @staticmethod
    def _turn(query: str) -> tuple[int, int]:
        for word in re.findall(r"\w+", query.lower()):
            try:
                return decode(word)
            except ValueError:
                continue
        return 0, zlib.crc32(query.encode())


def _passage(number: int) -> Passage:
    url, article = f"https://help.example/{number}", f"reset-{number}"
    return Passage(f"kb_{number:012x}", article, "Reset", "", url, _TEXT * 8, "en", number, 0.8, number, 0.8)
