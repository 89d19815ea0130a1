"""Tokens of a response, for `response.done`.

Audio tokens follow the published rule: one per 100 ms of the caller, one per 50 ms of the agent. Text tokens are an
*estimate*, a token for every four characters: this server has no tokenizer of the vendor's model. The whole
conversation is the input of every response; `cached` is the part of it that an earlier response of the session had
read too.
"""

from dataclasses import dataclass
from typing import Any

CALLER_MS_PER_TOKEN = 100
AGENT_MS_PER_TOKEN = 50
CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True)
class Tokens:
    """Text and audio tokens of one thing."""

    text: int = 0
    audio: int = 0

    def __add__(self, other: "Tokens") -> "Tokens":
        return Tokens(self.text + other.text, self.audio + other.audio)

    @property
    def total(self) -> int:
        """Both together."""
        return self.text + self.audio


def text_tokens(text: str) -> int:
    """Estimated tokens of a text; 0 for none."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def caller_tokens(ms: float) -> int:
    """Tokens of so much of the caller's sound."""
    return -(-int(ms) // CALLER_MS_PER_TOKEN)


def agent_tokens(ms: float) -> int:
    """Tokens of so much of the agent's sound."""
    return -(-int(ms) // AGENT_MS_PER_TOKEN)


def usage(read: Tokens, cached: Tokens, said: Tokens) -> dict[str, Any]:
    """The `usage` object. `cached` is a subset of `read`."""
    return {
        "total_tokens": read.total + said.total,
        "input_tokens": read.total,
        "output_tokens": said.total,
        "input_token_details": {
            "text_tokens": read.text,
            "audio_tokens": read.audio,
            "image_tokens": 0,
            "cached_tokens": cached.total,
            "cached_tokens_details": {
                "text_tokens": cached.text,
                "audio_tokens": cached.audio,
                "image_tokens": 0,
            },
        },
        "output_token_details": {"text_tokens": said.text, "audio_tokens": said.audio},
    }
