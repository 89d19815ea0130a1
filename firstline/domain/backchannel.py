"""Sounds that a listener makes to show that they listen: they ask for nothing, and must not stop who speaks."""

import re

from firstline.domain.refusal import normalise

_WORDS = {
    "en": {
        "alright", "cool", "exactly", "good", "got", "great", "i", "it", "oh", "ok", "okay", "perfect", "right", "see",
        "sure", "thank", "thanks", "true", "understood", "wow", "yea", "yeah", "yep", "yes", "yup", "you",
    },
    "es": {
        "acuerdo", "aja", "bien", "bueno", "claro", "correcto", "de", "eh", "entendido", "entiendo", "exacto",
        "gracias", "oh", "ok", "okay", "perfecto", "si", "vale", "veo", "ya",
    },
}  # fmt: skip
_HUM = re.compile(r"[mhua]{1,6}")
"""mhm, mm hmm, uh huh, aha, um: a transcriber spells them as it likes."""
MOST_WORDS = 4


def is_backchannel(text: str, language: str) -> bool:
    """Whether these words, said while the agent speaks, ask for nothing; nor does what has no words (a cough, a click).

    `language` is ISO 639-1; of an unknown one only hums are backchannels.
    """
    words = normalise(text.replace("-", "")).split()
    return len(words) <= MOST_WORDS and all(_HUM.fullmatch(word) or word in _WORDS.get(language, ()) for word in words)
