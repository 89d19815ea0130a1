"""What we send is what OpenAI publishes: every client event against the types of its own package, and our server's."""

import inspect
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from openai.types.realtime.realtime_client_event import RealtimeClientEvent
from openai.types.realtime.session_update_event import SessionUpdateEvent
from pydantic import BaseModel, TypeAdapter

from firstline.domain.language import SUPPORTED
from firstline.speech.config import SessionConfig as ServerConfig
from firstline.speech.config import updated
from realtime_bridge.protocol import realtime
from realtime_bridge.protocol.realtime import ModelSettings
from realtime_bridge.session_configs import session_config

CLIENT_EVENT: TypeAdapter[Any] = TypeAdapter(RealtimeClientEvent)

SETTINGS = [
    ModelSettings(),
    ModelSettings(reasoning_effort="low", transcription_logprobs=True),
    ModelSettings(turn_detection="semantic_vad", eagerness="high", noise_reduction=""),
]

EVENTS: dict[str, Callable[[], bytes]] = {
    "session_update": lambda: realtime.session_update(session_config("en", "Meridian", SETTINGS[1])),
    "server_answers": lambda: realtime.server_answers(session_config("es", "Meridian", SETTINGS[2]), False),
    "append_audio": lambda: realtime.append_audio(b"/" * 214 + b"=="),
    "assistant_said": lambda: realtime.assistant_said("Hello."),
    "caller_said": lambda: realtime.caller_said("How?"),
    "caller_said_in": lambda: realtime.caller_said_in("i", "How?"),
    "system_note": lambda: realtime.system_note("call_sid: CA1"),
    "tool_call": lambda: realtime.tool_call("i", "c", "lookup_article", "{}"),
    "tool_output": lambda: realtime.tool_output("c", "{}"),
    "delete_item": lambda: realtime.delete_item("i"),
    "response_create": realtime.response_create,
    "response_cancel": lambda: realtime.response_cancel("r"),
    "truncate": lambda: realtime.truncate("i", 640.5),
}


def extras(model: Any, where: str = "") -> list[str]:
    """Fields that the published types do not name: their own parser lets them pass."""
    if isinstance(model, list):
        return [each for index, part in enumerate(model) for each in extras(part, f"{where}[{index}]")]
    if not isinstance(model, BaseModel):
        return []
    unknown = [f"{where}.{name}" for name in model.model_extra or {}]
    return unknown + [
        each for name in model.model_fields_set for each in extras(getattr(model, name, None), f"{where}.{name}")
    ]


class TestEveryClientEvent:
    def test_that_we_can_make_is_looked_at_here(self) -> None:
        makers = {
            name
            for name, thing in vars(realtime).items()
            if inspect.isfunction(thing)
            and thing.__module__ == realtime.__name__
            and thing.__annotations__["return"] is bytes
        }

        assert makers == set(EVENTS)

    @pytest.mark.parametrize("make", EVENTS.values(), ids=EVENTS.keys())
    def test_is_one_of_openais(self, make: Callable[[], bytes]) -> None:
        event = CLIENT_EVENT.validate_python(orjson.loads(make()))

        assert extras(event) == []


class TestTheSession:
    @pytest.mark.parametrize("settings", SETTINGS, ids=["default", "reasoning", "semantic"])
    def test_is_openais_and_our_own_servers(self, settings: ModelSettings) -> None:
        raw = orjson.loads(realtime.session_update(session_config("es", "Meridian", settings)))

        assert extras(SessionUpdateEvent.model_validate(raw)) == []
        assert updated(ServerConfig(type="realtime"), raw["session"], spoken=False).tools

    def test_asks_models_that_reason_for_little_of_it_and_others_for_nothing(self) -> None:
        plain, reasoning = (
            orjson.loads(realtime.session_update(session_config("en", "M", settings)))["session"]
            for settings in SETTINGS[:2]
        )

        assert (reasoning["reasoning"], reasoning["parallel_tool_calls"]) == ({"effort": "low"}, False)
        assert not {"reasoning", "parallel_tool_calls"} & set(plain)

    @pytest.mark.parametrize("language", SUPPORTED)
    def test_is_the_same_for_every_call_of_a_language(self, language: str) -> None:
        """A prompt cache serves equal beginnings: nothing of a call may stand in one."""
        made = {realtime.session_update(session_config(language, "M", ModelSettings())) for _ in range(2)}

        assert len(made) == 1
        assert b"call_sid:" not in made.pop()

    def test_is_only_ever_cut_by_a_fifth_at_once(self) -> None:
        raw = orjson.loads(realtime.session_update(session_config("en", "M", ModelSettings())))

        assert raw["session"]["truncation"]["retention_ratio"] == 0.8
