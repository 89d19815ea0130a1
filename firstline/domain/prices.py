"""What a model's tokens cost: dated price books with their source. An unknown price is unknown, never zero.

Two profiles (decisions.md, rows 1 and 2): what the case study reckoned with, and what is published. Prices are USD per
million tokens. Cached tokens are a subset of the input tokens, and are billed at their own price.
"""

from dataclasses import dataclass

from firstline.domain.turn import Usage

_MILLION = 1_000_000


@dataclass(frozen=True)
class ModelPrice:
    """USD per million tokens; None where no price is known."""

    input_audio: float | None
    input_text: float | None
    cached_audio: float | None
    cached_text: float | None
    output_audio: float | None
    output_text: float | None

    def cost(self, usage: Usage) -> float | None:
        """USD; None when tokens were used whose price is not known.

        The usage does not say which of its input was cached, so text is taken for cached first: that leaves more of the
        dear audio uncached, and a cap on the cost is never found too late.
        """
        cached_text = min(usage.cached, usage.input_text)
        cached_audio = min(usage.cached - cached_text, usage.input_audio)
        parts = (
            (usage.input_text - cached_text, self.input_text),
            (usage.input_audio - cached_audio, self.input_audio),
            (cached_text, self.cached_text),
            (cached_audio, self.cached_audio),
            (usage.output_text, self.output_text),
            (usage.output_audio, self.output_audio),
        )
        used = [(tokens, price) for tokens, price in parts if tokens > 0]
        if any(price is None for _, price in used):
            return None
        return sum(tokens * price for tokens, price in used if price is not None) / _MILLION


@dataclass(frozen=True)
class PriceBook:
    """The prices of one moment."""

    source: str
    models: dict[str, ModelPrice]

    def of(self, model: str) -> ModelPrice | None:
        """The model's price; None when the book does not have it. A dated name is its undated model's."""
        return next((price for name, price in self.models.items() if _is(model, name)), None)


def _is(model: str, name: str) -> bool:
    """`gpt-realtime-2-2026-05-01` is `gpt-realtime-2`; `gpt-realtime-2.1` and `gpt-realtime-2-mini` are not."""
    rest = model.removeprefix(name)
    return model.startswith(name) and (not rest or (rest[0] == "-" and rest[1:5].isdigit()))


PRICE_BOOKS = {
    "case-study-2026-05": PriceBook(
        "the case study's cost table, May 2026: audio only",
        {"gpt-realtime-2": ModelPrice(24.0, None, None, None, 48.0, None)},
    ),
    "published-2026-08": PriceBook(
        "https://developers.openai.com/api/docs/guides/realtime-costs, August 2026",
        {
            "gpt-realtime-2": ModelPrice(32.0, 4.0, 0.4, 0.4, 64.0, 24.0),
            "gpt-realtime-2.1": ModelPrice(32.0, 4.0, 0.4, 0.4, 64.0, 24.0),
            "gpt-realtime-2.1-mini": ModelPrice(10.0, 0.6, 0.3, 0.06, 20.0, 2.4),
        },
    ),
}
