"""A session's configuration: the nested GA shape, checked, and changed by `session.update`."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from firstline.speech.audio import AudioFormat
from firstline.speech.detect import TurnSettings

T = TypeVar("T", bound=BaseModel)

EAGERNESS_SILENCE_MS = {"low": 1200, "medium": 800, "auto": 800, "high": 400}
"""`semantic_vad` here is a longer or shorter silence: this server does not judge whether a sentence is finished."""

LEAVES = {"format", "transcription", "noise_reduction", "turn_detection", "tool_choice", "truncation", "reasoning"}
"""Objects that an update replaces whole; every other object is merged field by field."""


class Refused(Exception):
    """A client event that cannot be carried out; becomes an `error` event, and the session goes on."""

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.param = code, message, param


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Pcmu(_Strict):
    """G.711 µ-law; no rate, it is always 8 kHz."""

    type: Literal["audio/pcmu"]


class Pcm(_Strict):
    """16-bit PCM; 24 kHz is the protocol's only rate."""

    type: Literal["audio/pcm"]
    rate: Literal[24000] = 24000


Format = Annotated[Pcmu | Pcm, Field(discriminator="type")]


class Transcription(_Strict):
    """Whether the client is told what the caller said."""

    model: str | None = None
    language: str | None = None
    languages: list[str] | None = None
    prompt: str | None = None
    delay: str | None = None


class ServerVad(_Strict):
    """Turns end after a silence."""

    type: Literal["server_vad"]
    threshold: float = Field(default=0.5, ge=0, le=1)
    prefix_padding_ms: int = Field(default=300, ge=0, le=5000)
    silence_duration_ms: int = Field(default=500, ge=64, le=10_000)
    create_response: bool = True
    interrupt_response: bool = True
    idle_timeout_ms: int | None = Field(default=None, ge=5000, le=30_000)


class SemanticVad(_Strict):
    """Turns end after a silence as long as `eagerness` says."""

    type: Literal["semantic_vad"]
    eagerness: Literal["low", "medium", "high", "auto"] = "auto"
    create_response: bool = True
    interrupt_response: bool = True


Vad = Annotated[ServerVad | SemanticVad, Field(discriminator="type")]


class Input(_Strict):
    """The caller's side."""

    format: Format = Pcm(type="audio/pcm")
    transcription: Transcription | None = None
    noise_reduction: dict[str, Any] | None = None
    turn_detection: Vad | None = ServerVad(type="server_vad")


class Output(_Strict):
    """The agent's side. `voice` is any name: the voice is the one that the server was started with."""

    format: Format = Pcm(type="audio/pcm")
    voice: str | dict[str, Any] = "marin"
    speed: float = Field(default=1.0, ge=0.25, le=1.5)


class Audio(_Strict):
    """Both sides."""

    input: Input = Input()
    output: Output = Output()


class Tool(_Strict):
    """A function that the answerer may call."""

    type: Literal["function"]
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None


class SessionConfig(_Strict):
    """Everything that `session.update` may carry; what this server cannot act on is checked, kept and echoed."""

    type: Literal["realtime"]
    model: str = "firstline"
    output_modalities: list[Literal["audio", "text"]] = Field(default=["audio"], min_length=1, max_length=1)
    instructions: str = ""
    audio: Audio = Audio()
    tools: list[Tool] = []
    tool_choice: Literal["auto", "none", "required"] | dict[str, Any] = "auto"
    parallel_tool_calls: bool | None = None
    max_output_tokens: int | Literal["inf"] = "inf"
    include: list[str] | None = None
    reasoning: dict[str, Any] | None = None
    tracing: str | dict[str, Any] | None = None
    truncation: str | dict[str, Any] | None = None
    prompt: dict[str, Any] | None = None

    @property
    def input_format(self) -> AudioFormat:
        """Of what the client appends."""
        return AudioFormat(self.audio.input.format.type)

    @property
    def output_format(self) -> AudioFormat:
        """Of what the client is sent."""
        return AudioFormat(self.audio.output.format.type)

    @property
    def turn_settings(self) -> TurnSettings | None:
        """How turns are detected; None in manual mode."""
        vad = self.audio.input.turn_detection
        if vad is None:
            return None
        if isinstance(vad, SemanticVad):
            return TurnSettings(silence_duration_ms=EAGERNESS_SILENCE_MS[vad.eagerness])
        return TurnSettings(vad.threshold, vad.prefix_padding_ms, vad.silence_duration_ms)

    @property
    def idle_timeout_ms(self) -> int | None:
        """Silence of the caller after which the agent speaks by itself; None for never."""
        vad = self.audio.input.turn_detection
        return vad.idle_timeout_ms if isinstance(vad, ServerVad) else None

    def wire(self) -> dict[str, Any]:
        """The session object of `session.created` and `session.updated`, without its id."""
        shown = self.model_dump(exclude_none=True)
        shown["object"] = "realtime.session"
        shown.pop("parallel_tool_calls", None)  # not in the published session object
        shown["audio"]["input"]["turn_detection"] = self._wire_turn_detection()
        return shown

    def _wire_turn_detection(self) -> dict[str, Any] | None:
        vad = self.audio.input.turn_detection
        return vad.model_dump(exclude_none=True) if vad is not None else None


class ResponseOutput(_Strict):
    """`response.audio.output`."""

    format: Format | None = None
    voice: str | dict[str, Any] | None = None


class ResponseAudio(_Strict):
    """`response.audio`."""

    output: ResponseOutput = ResponseOutput()


class ResponseParams(_Strict):
    """`response` of `response.create`: what this one response does differently. None means as the session says."""

    output_modalities: list[Literal["audio", "text"]] | None = Field(default=None, min_length=1, max_length=1)
    instructions: str | None = None
    audio: ResponseAudio = ResponseAudio()
    tools: list[Tool] | None = None
    tool_choice: Literal["auto", "none", "required"] | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    reasoning: dict[str, Any] | None = None
    max_output_tokens: int | Literal["inf"] | None = None
    conversation: str | None = None
    metadata: dict[str, str] | None = None
    prompt: dict[str, Any] | None = None
    input: list[dict[str, Any]] | None = None


def updated(config: SessionConfig, change: dict[str, Any], *, spoken: bool) -> SessionConfig:
    """The configuration after a `session.update`; fields left out stay.

    `spoken` says whether the agent has spoken already. Raises `Refused`.
    """
    if change.get("type") != "realtime":
        raise Refused("missing_required_parameter", "session.type must be 'realtime'", "session.type")
    merged = _merge(config.model_dump(), change)
    new = validated(SessionConfig, merged, "session")
    if new.model != config.model:
        raise Refused("cannot_update_model", "the model of a session cannot change", "session.model")
    if spoken and new.audio.output.voice != config.audio.output.voice:
        message = "the voice cannot change once the agent has spoken"
        raise Refused("cannot_update_voice", message, "session.audio.output.voice")
    return new


def validated(model: type[T], data: dict[str, Any], where: str) -> T:
    """The data as this model; raises `Refused` naming the first field that is wrong."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        param = ".".join([where, *(str(part) for part in first["loc"])])
        code = "unknown_parameter" if first["type"] == "extra_forbidden" else "invalid_value"
        raise Refused(code, f"{param}: {first['msg']}", param) from None


def _merge(old: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    merged = dict(old)
    for key, value in change.items():
        before = old.get(key)
        if isinstance(value, dict) and isinstance(before, dict) and key not in LEAVES:
            merged[key] = _merge(before, value)
        else:
            merged[key] = value
    return merged
