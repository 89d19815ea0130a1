"""The parts of our own speech server that a setting replaces: what answers, and what speaks."""

from firstline.adapters.chat_model import ChatModel
from firstline.adapters.elevenlabs import ElevenLabsSpeaker
from firstline.settings import Settings
from firstline.speech.speak import Speaker
from firstline.speech.steady import SteadySpeaker


def answerer(settings: Settings) -> ChatModel | None:
    """The chat model; None for the built-in answerer."""
    if not settings.chat_model:
        return None
    key = settings.chat_api_key if settings.chat_url or settings.chat_api_key else settings.openai_api_key
    return ChatModel(settings.chat_model, key.get_secret_value(), settings.chat_url)


def engine_name(settings: Settings) -> str:
    """`elevenlabs` or `piper`: the setting, else by whether there is a key."""
    by_key = "elevenlabs" if settings.elevenlabs_api_key.get_secret_value() else "piper"
    return settings.voice_engine or by_key


def speaker(settings: Settings, local: Speaker) -> Speaker:
    """The voice that answers: ElevenLabs with the local voice behind it, or the local voice alone."""
    if engine_name(settings) == "piper":
        return local
    vendor = ElevenLabsSpeaker(
        settings.elevenlabs_api_key.get_secret_value(),
        settings.elevenlabs_voice_id,
        settings.elevenlabs_model,
        settings.elevenlabs_base_url.rstrip("/"),
    )
    return SteadySpeaker(vendor, local)


def phrases_url(settings: Settings, objects: str) -> str:
    """Where spoken phrases are kept: each voice of ElevenLabs has a folder of its own in the object store."""
    if engine_name(settings) == "piper":
        return objects
    return f"{objects.rstrip('/')}/voices/{settings.elevenlabs_voice_id}-{settings.elevenlabs_model}"
