"""How sure the runtime is that the passages it found answer the question.

The model's own probability is recorded and never used (decisions.md, row 10). The number comes from evidence: how near
the best passage is, how far it stands out, whether both searches found it.
"""

import math
from dataclasses import dataclass

GATE = 0.7
"""Below this the low-confidence branch of the gate opens (case study: "handoff triggered when confidence < 0.7")."""

# Logistic weights over the evidence. Fitted on questions about the sample help centre against off-topic ones; the fit
# is repeated, with its held-out error, by tests/knowledge/test_confidence.py.
_BIAS = -9.0
_SIMILARITY = 20.0
_MARGIN = 4.0
_AGREEMENT = 0.8


@dataclass(frozen=True)
class RetrievalEvidence:
    """What a search says about its own best hit."""

    similarity: float
    """Cosine similarity of question and best passage, -1..1."""
    margin: float
    """Similarity of the best passage less that of the best passage of any *other* article, 0..2."""
    agreement: bool
    """The dense and the full-text search both have the best passage's article among their first five."""


def confidence(evidence: RetrievalEvidence | None) -> float:
    """0..1; 0 when a search found nothing at all."""
    if evidence is None:
        return 0.0
    score = (
        _BIAS
        + _SIMILARITY * evidence.similarity
        + _MARGIN * evidence.margin
        + (_AGREEMENT if evidence.agreement else 0.0)
    )
    return 1.0 / (1.0 + math.exp(-score))
