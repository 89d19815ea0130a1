"""Cutting a text into the pieces that are spoken one after the other."""

import re

FIRST_AT_MOST = 60
"""Characters of the first piece, where a clause ends in time: the sooner it is made, the sooner the caller hears it."""

PIECE_AT_MOST = 220
"""Characters of any other piece."""

_SENTENCE = re.compile(r"(?<=[.!?…])[\"')\]]*\s+(?=[\"'(¿¡]?[A-ZÁÉÍÓÚÑ0-9¿¡])")
_CLAUSE = re.compile(r"(?<=[,;:])\s+|\s+(?=[–—]\s)")
_WORD = re.compile(r"\s+(?=(?:and|or|but|then|when|which|so|because|y|o|pero|cuando|que|porque)\s)")
_SHORTEST = 12
"""Characters; a shorter first piece would sound chopped off."""


def pieces(text: str) -> list[str]:
    """The text in speakable pieces: sentences, the first one cut after a clause, none too long.

    Joined by a space they are the text again, its white space made single.
    """
    text = " ".join(text.split())
    if not text:
        return []
    first, *rest = _SENTENCE.split(text)
    found = _shortened(first, FIRST_AT_MOST)
    for sentence in rest:
        found += _shortened(sentence, PIECE_AT_MOST)
    return found


def _shortened(sentence: str, limit: int) -> list[str]:
    """The sentence whole when it is short enough; else a beginning that is, and the rest."""
    if len(sentence) <= limit:
        return [sentence]
    for boundary in (_CLAUSE, _WORD):
        ends = [match for match in boundary.finditer(sentence) if _SHORTEST <= match.start() <= limit]
        if ends:
            rest = sentence[ends[-1].end() :]
            return [sentence[: ends[-1].start()], *_shortened(rest, PIECE_AT_MOST)]
    if limit < PIECE_AT_MOST:
        return _shortened(sentence, PIECE_AT_MOST)
    cut = sentence.rfind(" ", _SHORTEST, limit)
    return [sentence] if cut < 0 else [sentence[:cut], *_shortened(sentence[cut + 1 :], PIECE_AT_MOST)]
