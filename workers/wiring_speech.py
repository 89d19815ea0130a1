"""What a setting replaces in speech: what answers, what speaks, and who listens a second time."""

from typing import TYPE_CHECKING

from firstline.adapters.elevenlabs import ElevenLabsSpeaker
from firstline.settings import Settings
from firstline.speech.speak import Speaker
from firstline.speech.steady import SteadySpeaker

if TYPE_CHECKING:
    from firstline.adapters.chat_model import ChatModel
    from firstline.adapters.transcription import OpenAITranscription

# The vendor's SDK is imported where it is used: it takes a second of every start, and who was killed is waited for.


def answerer(settings: Settings) -> "ChatModel | None":
    """The chat model; None for the built-in answerer."""
    if not settings.chat_model:
        return None
    key = settings.chat_api_key if settings.chat_url or settings.chat_api_key else settings.openai_api_key
    from firstline.adapters.chat_model import ChatModel

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


def transcription(settings: Settings) -> "OpenAITranscription | None":
    """Who writes down what the native lane could not make out: None by setting, or where we are that lane."""
    if not transcription_wanted(settings):
        return None
    from firstline.adapters.transcription import OpenAITranscription

    key = settings.transcription_api_key or settings.speech_api_key
    url = settings.transcription_url or _own_http_url(settings)
    return OpenAITranscription(url, key.get_secret_value(), "whisper-1")


def transcription_wanted(settings: Settings) -> bool:
    """Whether somebody listens a second time."""
    return settings.transcription_url != "none" and bool(settings.transcription_url or settings.realtime_url)


def _own_http_url(settings: Settings) -> str:
    """Our own speech server's: the chained lane's where that is set."""
    lane = settings.chained_url or f"ws://{settings.host}:{settings.speech_port}/v1/realtime"
    return lane.replace("ws", "http", 1).removesuffix("/realtime")


def tells_logprobs(settings: Settings) -> bool:
    """Whether the native lane is asked how sure its transcripts are; of OpenAI's only the gpt-4o models can tell."""
    return transcription_wanted(settings) and settings.transcription_model.startswith("gpt-4o")
