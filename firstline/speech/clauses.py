"""Cutting a text, whole or still being written, into the pieces that are spoken one after the other."""

import re

FIRST_AT_MOST, SECOND_AT_MOST, PIECE_AT_MOST = 28, 90, 220
"""Characters of the first, the second and any other piece, where a clause ends in time. A voice of this machine takes a
tenth of a piece's length to make it, and ten letters last 0.7 s: the shorter the first, the sooner it is heard. Each
must be made while the one before it is being heard."""

_SENTENCE = re.compile(r"(?<=[.!?…])[\"')\]]*\s+(?=[\"'(¿¡]?[A-ZÁÉÍÓÚÑ0-9¿¡])")
_BOUNDARY = re.compile(
    r"(?<=[,;:])\s+|\s+(?=[–—]\s)|\s+(?=(?:and|or|but|then|when|which|so|because|y|o|pero|cuando|que|porque)\s)"
)
_END = re.compile(rf"{_SENTENCE.pattern}|\s*\n\s*")
_PAUSE = re.compile(r"(?<=[,;:])\s+")
_PHRASE = re.compile(
    r"\s+(?=(?:in|on|at|to|for|with|by|from|after|before|until|if|that|who|within|en|con|para|por|desde|hasta|si|a)\s)"
)
"""Where a phrase begins: good enough to end a first piece, when no clause ends in time."""

_SHORTEST = 12
"""Characters; a shorter first piece would sound chopped off. A sentence that is shorter ("Done.") is over before a long
piece behind it is made, so the next one must be short, too."""


class Pieces:
    """Cuts texts that are spoken one after the other: only the very first piece of all must be short."""

    def __init__(self) -> None:
        self._limits = [FIRST_AT_MOST, SECOND_AT_MOST]

    def of(self, text: str) -> list[str]:
        """The text in speakable pieces: sentences, the first one cut after a clause, none too long.

        Joined by a space they are the text again, its white space made single.
        """
        text = " ".join(text.split())
        left, found = _SENTENCE.split(text) if text else [], []
        while left:
            piece, rest = _cut(left.pop(0), self._limits[0] if self._limits else PIECE_AT_MOST)
            self._limits = _limits_after(piece, self._limits)
            found.append(piece)
            if rest:
                left.insert(0, rest)
        return found


class ClauseCutter:
    """Cuts a text while it is being written, so that its beginning is spoken before its end is there."""

    def __init__(self) -> None:
        self._text = ""
        self._limits = [FIRST_AT_MOST, SECOND_AT_MOST]
        self._first = True

    def feed(self, delta: str) -> list[str]:
        """The next bit of text; returns the clauses that it made whole, mostly none."""
        self._text = (self._text + delta).lstrip()
        found = []
        while clause := self._whole():
            found.append(clause)
        return found

    def rest(self) -> str:
        """What is left when no more will come."""
        text, self._text = self._text.strip(), ""
        return text

    def _whole(self) -> str:
        """A clause that is whole, taken off the text; empty when there is none yet."""
        limit = self._limits[0] if self._limits else PIECE_AT_MOST
        end = _END.search(self._text)
        if end is None and self._first:
            end = _PAUSE.search(self._text, _SHORTEST)
        piece, rest = self._text, ""
        if end is not None:
            piece, rest = self._text[: end.start()], self._text[end.end() :]
        elif len(self._text) > limit:
            piece, rest = _cut(self._text, limit)
        if not rest:
            return ""
        self._text, self._first = rest, False
        self._limits = _limits_after(piece, self._limits)
        return piece.strip()


def pieces(text: str) -> list[str]:
    """One text in speakable pieces, as `Pieces.of` cuts it."""
    return Pieces().of(text)


def _limits_after(piece: str, limits: list[int]) -> list[int]:
    """How long the pieces behind this one may be."""
    return limits if len(piece) < _SHORTEST and limits[:1] == [FIRST_AT_MOST] else limits[1:]


def _cut(sentence: str, limit: int) -> tuple[str, str]:
    """The sentence when it is short enough; else a beginning that is, and the rest."""
    if len(sentence) <= limit:
        return sentence, ""
    kinds = (_BOUNDARY, _PHRASE) if limit == FIRST_AT_MOST else (_BOUNDARY,)
    for kind in kinds:
        in_time = [match for match in kind.finditer(sentence) if _SHORTEST <= match.start() <= limit]
        if in_time:
            return sentence[: in_time[-1].start()], sentence[in_time[-1].end() :]
    late = next((match for match in _BOUNDARY.finditer(sentence) if match.start() > limit), None)
    if late is not None and late.start() <= PIECE_AT_MOST:
        return sentence[: late.start()], sentence[late.end() :]
    if len(sentence) <= PIECE_AT_MOST:
        return sentence, ""
    space = sentence.rfind(" ", _SHORTEST, limit)
    return (sentence, "") if space < 0 else (sentence[:space], sentence[space + 1 :])
