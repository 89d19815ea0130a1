"""What of a caller's words is a question: people greet, hesitate and correct themselves; articles do not."""

import re

_FILLERS = re.compile(
    r"\b(?:u+h*m+|u+h+|e+r+m*|h+m+|mm+|hi|hey|hello|good (?:morning|afternoon|evening)|yeah|yep|okay|ok|oh|well"
    r"|you know|i mean|no wait|sort of|kind of|please|thank you|thanks|sorry|you guys"
    r"|e+h+|este+m+|hola|buen[oa]s(?: (?:d[ií]as|tardes|noches))?|pues|bueno|oye|oiga|mire|a ver|o sea|por favor"
    r"|gracias|disculpe|perd[oó]n)\b[,.!…]*",
    re.IGNORECASE,
)


def question_of(words: str) -> str:
    """The words without fillers and greetings; unchanged when nothing else was said."""
    rest = " ".join(_FILLERS.sub(" ", words).split())
    return rest if re.search(r"\w", rest) else words
