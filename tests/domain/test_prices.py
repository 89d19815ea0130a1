"""What tokens cost."""

import pytest

from firstline.domain.prices import PRICE_BOOKS
from firstline.domain.turn import Usage

PUBLISHED = PRICE_BOOKS["published-2026-08"]


def cost(usage: Usage, book: str = "published-2026-08", model: str = "gpt-realtime-2") -> float | None:
    price = PRICE_BOOKS[book].of(model)
    assert price is not None
    return price.cost(usage)


class TestCost:
    def test_is_each_kind_of_token_at_its_price(self) -> None:
        assert cost(Usage(input_text=1000, input_audio=1000, output_text=1000, output_audio=1000)) == pytest.approx(
            0.004 + 0.032 + 0.024 + 0.064
        )

    def test_of_cached_tokens_is_theirs_and_not_also_the_inputs(self) -> None:
        assert cost(Usage(input_audio=1000, cached=400)) == pytest.approx(600 * 32e-6 + 400 * 0.4e-6)

    def test_of_nothing_is_nothing(self) -> None:
        assert cost(Usage()) == 0.0

    def test_is_unknown_where_one_price_is(self) -> None:
        """The case study prices audio alone."""
        assert cost(Usage(input_audio=1000), "case-study-2026-05") == pytest.approx(0.024)
        assert cost(Usage(input_audio=1000, input_text=1), "case-study-2026-05") is None


class TestBook:
    @pytest.mark.parametrize("model", ["gpt-realtime-2", "gpt-realtime-2-2026-05-01"])
    def test_knows_a_model_by_its_name_and_its_dated_name(self, model: str) -> None:
        assert PUBLISHED.of(model) is not None

    @pytest.mark.parametrize("model", ["gpt-realtime-3", "gpt-realtime-2-nano", "firstline"])
    def test_makes_up_no_price(self, model: str) -> None:
        assert PUBLISHED.of(model) is None

    def test_says_where_its_prices_are_from(self) -> None:
        assert all(book.source for book in PRICE_BOOKS.values())
