"""Sounds that a listener makes to show that they listen: they ask for nothing, and must not stop who speaks."""

from firstline.domain.refusal import normalise

_WORDS = {
    "en": {
        "ah", "aha", "ahh", "alright", "cool", "exactly", "good", "got", "great", "hm", "hmm", "huh", "i", "it", "mhm",
        "mhmm", "mm", "mmhmm", "mmm", "oh", "ok", "okay", "perfect", "right", "see", "sure", "thank", "thanks", "true",
        "uh", "uhhuh", "um", "understood", "wow", "yea", "yeah", "yep", "yes", "yup", "you",
    },
    "es": {
        "acuerdo", "ah", "aja", "bien", "bueno", "claro", "correcto", "de", "eh", "entendido", "entiendo", "exacto",
        "gracias", "hm", "hmm", "mhm", "mm", "mmm", "oh", "ok", "okay", "perfecto", "si", "uh", "vale", "veo", "ya",
    },
}  # fmt: skip
MOST_WORDS = 4


def is_backchannel(text: str, language: str) -> bool:
    """Whether these words, said while the agent speaks, ask for nothing; nor does what has no words (a cough, a click).

    `language` is ISO 639-1; of an unknown one only silence is a backchannel.
    """
    words = normalise(text.replace("-", "")).split()
    return len(words) <= MOST_WORDS and all(word in _WORDS.get(language, ()) for word in words)
