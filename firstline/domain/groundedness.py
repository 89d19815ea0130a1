"""How much of a spoken answer stands in the passages it was given: word overlap, cheap and the same every time.

A turn carries its passages' text in the output of its look-up, as the model received it. Overlap of words cannot tell a
wrong answer made of the right words; it finds answers that use words from nowhere, which a person then reads.
"""

import json
import re
import unicodedata

from firstline.domain.turn import Turn

LOOKUP_TOOL = "lookup_article"
_WORD = re.compile(r"\w+")
_SHORTEST = 4
"""Letters: shorter words are mostly grammar. Numbers count at any length."""
_STEM = 4
"""Letters by which two forms of a word are taken for one."""


def groundedness(turn: Turn) -> float | None:
    """The share of the answer's distinct content words that its passages hold, 0..1.

    None when it cannot be judged: the turn looked nothing up, or the agent said nothing of content.
    """
    passages = _passages(turn)
    said = _content_words(turn.agent_text)
    if passages is None or not said:
        return None
    # Words the caller used are not claims of the agent's.
    known = _content_words(passages) | _content_words(turn.caller_text)
    return len(said & known) / len(said)


def _passages(turn: Turn) -> str | None:
    """All text that the model was given in this turn; None when it was given none."""
    texts = [text for tool in turn.tools if tool.name == LOOKUP_TOOL for text in _texts(tool.output)]
    return "\n".join(texts) if texts else None


def _texts(output: str) -> list[str]:
    try:
        answer = json.loads(output)
    except ValueError:
        return []
    passages = answer.get("passages") if isinstance(answer, dict) else None
    if not isinstance(passages, list):
        return []
    return [
        " ".join(str(passage.get(part, "")) for part in ("title", "heading", "text"))
        for passage in passages
        if isinstance(passage, dict)
    ]


def _content_words(text: str) -> set[str]:
    plain = unicodedata.normalize("NFKD", text.casefold())
    words = _WORD.findall("".join(letter for letter in plain if not unicodedata.combining(letter)))
    return {word[:_STEM] for word in words if len(word) >= _SHORTEST or word.isdigit()}
