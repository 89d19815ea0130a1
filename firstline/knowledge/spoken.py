"""What of a caller's words is a question: people greet, hesitate, correct themselves and spell; articles do not."""

import re
from itertools import pairwise

_FILLERS = re.compile(
    r"\b(?:u+h*m+|u+h+|e+r+m*|h+m+|mm+|hi|hey|hello|good (?:morning|afternoon|evening)|yeah|yep|okay|ok|oh|well"
    r"|you know|i mean|no wait|sort of|kind of|please|thank you|thanks|sorry|you guys"
    r"|e+h+|este+m+|hola|buen[oa]s(?: (?:d[ií]as|tardes|noches))?|pues|bueno|oye|oiga|mire|a ver|o sea|por favor"
    r"|gracias|disculpe|perd[oó]n)\b[,.!…]*",
    re.IGNORECASE,
)

_SPOKEN_DIGITS = (
    "zero one two three four five six seven eight nine",
    "cero uno dos tres cuatro cinco seis siete ocho nueve",
)
_DIGITS = {word: str(digit) for words in _SPOKEN_DIGITS for digit, word in enumerate(words.split())} | {"oh": "0"}
_DIGIT = f"(?:{'|'.join(_DIGITS)}|[0-9])"
_LETTERS = re.compile(r"(?<![\w'’])[A-Z](?:[ .-]{1,2}[A-Z])+(?![\w'’])")
"""Letters said one by one; transcripts write them as capitals."""
# "A 10 day week" and "I 4 one" are not spelled.
_CODE = re.compile(rf"(?<![\w'’])([B-HJ-Z])[ -]({_DIGIT}(?:[ -]?{_DIGIT}){{1,7}})(?![\w'’])", re.IGNORECASE)


_WRITTEN_CODE = re.compile(r"(?<![\w'’-])([B-HJ-Z])([0-9]{2,6})(?![\w-])")


def question_of(words: str) -> str:
    """The words without fillers and greetings, spelled names joined; unchanged when nothing else was said.

    "A P I" becomes "API", and "E four oh two" becomes "E-402", as articles write them; "E402" is asked for both ways.
    """
    joined = _joined(words)
    rest = " ".join(_FILLERS.sub(" ", joined).split())
    return rest if re.search(r"\w", rest) else joined


def compounds(words: str) -> list[str]:
    """Every two neighbouring words as one: what is written "webhook" is transcribed "web hook"."""
    heard = re.findall(r"\w+", words.lower())
    return [first + second for first, second in pairwise(heard)]


def _joined(words: str) -> str:
    words = _WRITTEN_CODE.sub(r"\g<0> \1-\2", words)
    words = _CODE.sub(lambda match: f"{match[1].upper()}-{_digits(match[2])}", words)
    return _LETTERS.sub(lambda match: re.sub(r"[ .-]", "", match[0]), words)


def _digits(said: str) -> str:
    return "".join(_DIGITS.get(part.lower(), part) for part in re.findall(r"[a-z]+|[0-9]", said, re.IGNORECASE))
