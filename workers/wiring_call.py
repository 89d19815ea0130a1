"""How a live call behaves, from the settings."""

from collections.abc import Callable

from firstline.domain.prices import PRICE_BOOKS
from firstline.domain.turn import Usage
from firstline.settings import Settings
from realtime_bridge.protocol.rules import CallRules


def call_rules(settings: Settings) -> CallRules:
    """How long a call waits for what."""
    return CallRules(
        filler_after_ms=settings.filler_after_ms,
        live_line_after_ms=settings.live_line_after_ms,
        silence_step_ms=settings.silence_after_ms,
        barge_in_after_ms=settings.barge_in_after_ms,
        max_call_ms=settings.max_call_minutes * 60_000,
        max_call_usd=settings.max_call_usd,
    )


def price(settings: Settings) -> Callable[[Usage], float | None] | None:
    """Of a response. A model that the price book does not have costs an unknown amount, which is not nothing."""
    if settings.max_call_usd <= 0:
        return None
    known = PRICE_BOOKS[settings.prices].of(settings.realtime_model)
    return known.cost if known is not None else lambda usage: None
