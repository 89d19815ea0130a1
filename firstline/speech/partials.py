"""The words of a caller who still speaks, told only once they hold still."""

import re


def _bare(word: str) -> str:
    return re.sub(r"[^\w']", "", word).lower()


class StableWords:
    """Turns successive guesses at one utterance into deltas that need not be taken back.

    A word is told when two guesses in a row agree on it and on all before it ("local agreement"). The deltas joined are
    a rough guide, as in OpenAI's own protocol; the completed transcript is what counts.
    """

    def __init__(self) -> None:
        self._guess: list[str] = []
        self._told = 0

    def guess(self, text: str) -> str:
        """The next guess; returns the delta, empty when nothing new holds still."""
        words = text.split()
        agreed = 0
        for before, now in zip(self._guess, words, strict=False):
            if _bare(before) != _bare(now):
                break
            agreed += 1
        self._guess = words
        return self._tell(words, agreed)

    def final(self, text: str) -> str:
        """The last word on the matter; returns what was not told yet."""
        words = text.split()
        return self._tell(words, len(words))

    def _tell(self, words: list[str], upto: int) -> str:
        if upto <= self._told:
            return ""
        fresh = " ".join(words[self._told : upto])
        delta = fresh if self._told == 0 else f" {fresh}"
        self._told = upto
        return delta
