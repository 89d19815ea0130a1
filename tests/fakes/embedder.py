"""An embedding model made of word counts: instant, and alike texts are alike."""

import hashlib
import math
import re
from collections.abc import Sequence

from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace


class FakeEmbedder:
    """Every word counts in one of `dimension` places; a token is a word or a run of punctuation."""

    def __init__(self, name: str = "fake", dimension: int = 64) -> None:
        self.name = name
        self.dimension = dimension
        self.languages: frozenset[str] | None = None
        self.embedded: list[str] = []
        tokenizer = Tokenizer(WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
        tokenizer.pre_tokenizer = Whitespace()
        self.tokenizer = str(tokenizer.to_str())

    async def query(self, text: str) -> list[float]:
        return self._vector(text)

    async def passages(self, texts: Sequence[str]) -> list[list[float]]:
        self.embedded += texts
        return [self._vector(text) for text in texts]

    def _vector(self, text: str) -> list[float]:
        counts = [0.0] * self.dimension
        for word in re.findall(r"\w+", text.lower()):
            counts[int(hashlib.sha256(word.encode()).hexdigest(), 16) % self.dimension] += 1.0
        length = math.sqrt(sum(count * count for count in counts)) or 1.0
        return [count / length for count in counts]
