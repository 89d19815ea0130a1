"""The parts of our own speech server that a setting replaces: what answers, and what speaks."""

from firstline.adapters.chat_model import ChatModel
from firstline.settings import Settings


def answerer(settings: Settings) -> ChatModel | None:
    """The chat model; None for the built-in answerer."""
    if not settings.chat_model:
        return None
    key = settings.chat_api_key if settings.chat_url or settings.chat_api_key else settings.openai_api_key
    return ChatModel(settings.chat_model, key.get_secret_value(), settings.chat_url)
