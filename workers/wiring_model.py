"""The lanes to the realtime model, and how a session listens, thinks and speaks."""

from urllib.parse import urlsplit, urlunsplit

from firstline.adapters.openai_secrets import OpenAIClientSecrets
from firstline.settings import Settings
from realtime_bridge.model_link import ModelEndpoint
from realtime_bridge.protocol.realtime import ModelSettings
from workers import wiring_speech


def lanes(settings: Settings, secrets: OpenAIClientSecrets | None) -> tuple[ModelEndpoint, ...]:
    """The native lane, and the chained one where it is set."""
    key, own_key = settings.openai_api_key.get_secret_value(), settings.speech_api_key.get_secret_value()
    native = ModelEndpoint(
        settings.realtime_endpoint,
        settings.realtime_model,
        key if settings.realtime_url else own_key,
        short_lived=secrets.secret if secrets is not None else None,
    )
    chained = ModelEndpoint(settings.chained_url, settings.realtime_model, own_key, "chained")
    return (native, chained) if settings.chained_url else (native,)


def client_secrets(settings: Settings) -> OpenAIClientSecrets | None:
    """What makes secrets for the native lane; None where it connects with its key."""
    if not settings.realtime_ephemeral:
        return None
    if settings.realtime_url:
        return OpenAIClientSecrets(
            settings.openai_api_key.get_secret_value(), settings.realtime_model, http_base(settings.realtime_url)
        )
    # Our own server: the stand-in makes the secrets, so that the same path is walked on one machine.
    return OpenAIClientSecrets("local", settings.realtime_model, f"{settings.simulators_url}/openai/v1")


def http_base(realtime_url: str) -> str:
    """The API that a Realtime WebSocket URL belongs to: wss://host/v1/realtime -> https://host/v1."""
    parts = urlsplit(realtime_url)
    scheme = {"wss": "https", "ws": "http"}.get(parts.scheme, parts.scheme)
    return urlunsplit((scheme, parts.netloc, parts.path.removesuffix("/realtime"), "", ""))


def model_settings(settings: Settings) -> ModelSettings:
    """The same for every call."""
    return ModelSettings(
        voice=settings.realtime_voice,
        transcription_model=settings.transcription_model,
        transcription_logprobs=wiring_speech.tells_logprobs(settings),
        turn_detection=settings.turn_detection,
        reasoning_effort="" if settings.reasoning_effort == "none" else settings.reasoning_effort,
    )
