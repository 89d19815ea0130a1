"""How sure the runtime is that the passages it found answer the question.

The model's own probability is recorded and never used (decisions.md, row 10). The number comes from evidence: how near
the best passage and the titles are in meaning, and how much of the question's words it holds.
"""

import math
from dataclasses import dataclass

from firstline.domain import confidence_weights, confidence_weights_multilingual

GATE = 0.7
"""Below this the low-confidence branch of the gate opens (case study: "handoff triggered when confidence < 0.7")."""

SHORT = 8
"""Words; a question with fewer is none the easier to match."""


@dataclass(frozen=True)
class RetrievalEvidence:
    """What a search says about its own best hit."""

    similarity: float
    """Cosine similarity of question and best passage, -1..1."""
    margin: float
    """`similarity` less the highest of any passage of another article, -2..2; negative when words decided the order."""
    agreement: bool
    """The dense and the full-text search both have the best passage's article among their first five."""
    words: float = 0.0
    """The share of the question's words that the best passage holds, rare words weighing more, 0..1."""
    language_known: bool = True
    """The embedding model was trained on the passage's language, and the passage is in the question's where the model
    finds across languages; elsewhere `similarity` is on another scale."""
    words_anywhere: float = 0.0
    """The largest share of the question's words that any passage holds, 0..1."""
    length: int = 10
    """Words of the question: no passage holds much of a long one."""
    title: float = 0.0
    """The highest cosine similarity of the question and the title of one of the first five passages, -1..1."""
    relevance: float = 0.0
    """Of the best passage, as the built-in order counts it: both similarities and the words, weighed."""


@dataclass(frozen=True)
class Weights:
    """A logistic model over `features`."""

    bias: float
    coefficients: tuple[float, ...]


def features(evidence: RetrievalEvidence) -> tuple[float, ...]:
    """What the weights weigh. Margin and agreement are evidence for the reader: beside these they added nothing."""
    known = 1.0 if evidence.language_known else 0.0
    return (
        evidence.similarity * known,
        evidence.similarity * (1.0 - known),
        known,
        # The first words that match say more than the last: hence the roots.
        math.sqrt(max(evidence.words, 0.0)),
        math.sqrt(max(evidence.words_anywhere, evidence.words, 0.0)),
        math.log(max(evidence.length, SHORT)),
        evidence.title * known,
        evidence.relevance,
    )


WEIGHTS = Weights(confidence_weights.BIAS, confidence_weights.COEFFICIENTS)
MULTILINGUAL = "packaged:multilingual-e5-small"
"""Its cosine similarities lie between 0.7 and 0.9 whatever is asked: it has weights of its own."""
_OF_MODEL = {MULTILINGUAL: Weights(confidence_weights_multilingual.BIAS, confidence_weights_multilingual.COEFFICIENTS)}


def weights_for(embedding_model: str) -> Weights:
    """Those fitted to what this embedding model's similarities mean; a model never fitted goes by the default's."""
    return _OF_MODEL.get(embedding_model, WEIGHTS)


def confidence(evidence: RetrievalEvidence | None, weights: Weights = WEIGHTS) -> float:
    """0..1; 0 when a search found nothing at all."""
    if evidence is None:
        return 0.0
    score = weights.bias + sum(w * x for w, x in zip(weights.coefficients, features(evidence), strict=True))
    return 1.0 / (1.0 + math.exp(-score))
