"""The question of a turn: what it is about, whether two ask the same, how it is worded to stand on its own.

The answerer asks so, and the bridge while the caller still speaks: that is how one finds what the other looked up.
"""

import re
from functools import lru_cache

from firstline.domain.refusal import normalise, plain_words

_ENGLISH = """
a about all also am an and any are as at be been but by can could did do does for from get had has have hello hey hi
how i if in into is it its just like me my need no not of ok okay on one or our out please so some tell than that the
their them then there these they this those to too up us want was we were what when where which who why will with
would yes you your
"""
_SPANISH = """
al algo asi como con cual cuando cuanto de del donde el ella ello ellos en eso esta este esto hay hola la las le lo los
mas me mi mis muy no nos o para pero por porque puede puedo que quien quiero se si sin sobre su sus tengo tu un una y yo
"""
_STOPWORDS = frozenset((_ENGLISH + _SPANISH).split())

_LEADING = re.compile(
    r"^[¿¡]?(?:(?:and|but|so|also|then|okay|ok|y|pero|entonces|what about|how about|que hay de)[ ,]+)+", re.I
)
_POINTING = re.compile(r"\b(?:it|that|this|they|them|those|these|there|ones?|eso|esto|ello|ellos|ellas|ahi|alli)\b")
_SHORT = 10
"""Words; a longer question with "it" in it usually says itself what "it" is."""

_KEPT = 6
"""Content words taken over from the question before."""

COVERED = 0.75
"""Share of a question's content words that a search must have asked for to count as a search for that question."""


def content_words(text: str) -> list[str]:
    """Lower-case words that carry meaning, in order, each once."""
    return list(dict.fromkeys(word for word in plain_words(text) if word not in _STOPWORDS))


def stem(word: str) -> str:
    """Enough of a word to find `invite` in `invitations`."""
    return word[:5]


@lru_cache(maxsize=1024)
def stems(text: str) -> frozenset[str]:
    """What the words are about: two texts that share these ask for the same."""
    # Kept, because the bridge asks with every word that a caller says, and most words are said by everybody.
    return frozenset(stem(word) for word in content_words(text))


def covers(searched: str, question: str) -> bool:
    """Whether a search for `searched` answers `question` too. False for a question without content."""
    asked = stems(question)
    return bool(asked) and len(asked & stems(searched)) >= COVERED * len(asked)


def standalone(text: str, before: str | None) -> str:
    """The question, joined with what the one before was about when it leans on it. `before` None: there was none."""
    asked = text.strip()
    if before is None:
        return asked
    leading = _LEADING.match(asked)
    question = asked[leading.end() :] if leading else asked
    # Nothing but accents stands in the way of these words, and most questions have none.
    plain = question.lower() if question.isascii() else normalise(question)
    if not (leading or _POINTING.search(plain)) or len(question.split()) > _SHORT:
        return asked
    known = {stem(word) for word in content_words(question)}
    context = [word for word in content_words(before) if stem(word) not in known][:_KEPT]
    return f"{question} ({' '.join(context)})" if context else question
