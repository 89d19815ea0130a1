"""Cutting a text into the pieces that are spoken one after the other."""

import re

FIRST_AT_MOST, SECOND_AT_MOST, PIECE_AT_MOST = 45, 110, 220
"""Characters of the first, the second and any other piece, where a clause ends in time. The sooner a piece is made, the
sooner it is heard; and each must be made while the one before it, a little shorter, is being heard."""

_SENTENCE = re.compile(r"(?<=[.!?…])[\"')\]]*\s+(?=[\"'(¿¡]?[A-ZÁÉÍÓÚÑ0-9¿¡])")
_BOUNDARY = re.compile(
    r"(?<=[,;:])\s+|\s+(?=[–—]\s)|\s+(?=(?:and|or|but|then|when|which|so|because|y|o|pero|cuando|que|porque)\s)"
)
_SHORTEST = 12
"""Characters; a shorter first piece would sound chopped off."""


def pieces(text: str) -> list[str]:
    """The text in speakable pieces: sentences, the first one cut after a clause, none too long.

    Joined by a space they are the text again, its white space made single.
    """
    text = " ".join(text.split())
    if not text:
        return []
    left, found = _SENTENCE.split(text), []
    limits = [FIRST_AT_MOST, SECOND_AT_MOST]
    while left:
        sentence, limit = left.pop(0), limits.pop(0) if limits else PIECE_AT_MOST
        piece, rest = _cut(sentence, limit)
        found.append(piece)
        if rest:
            left.insert(0, rest)
    return found


def _cut(sentence: str, limit: int) -> tuple[str, str]:
    """The sentence when it is short enough; else a beginning that is, and the rest."""
    if len(sentence) <= limit:
        return sentence, ""
    ends = [match for match in _BOUNDARY.finditer(sentence) if match.start() >= _SHORTEST]
    if ends:
        in_time = [match for match in ends if match.start() <= limit]
        end = in_time[-1] if in_time else ends[0]
        return sentence[: end.start()], sentence[end.end() :]
    if len(sentence) <= PIECE_AT_MOST:
        return sentence, ""
    space = sentence.rfind(" ", _SHORTEST, limit)
    return (sentence, "") if space < 0 else (sentence[:space], sentence[space + 1 :])
