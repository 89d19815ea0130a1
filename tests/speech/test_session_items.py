"""Items, truncation, configuration, and what is refused."""

from typing import Any

import pytest

from tests.speech.driver import PHONE, Driver, only, types


def message(role: str, text: str, **fields: Any) -> dict[str, Any]:
    kind = "output_text" if role == "assistant" else "input_text"
    item = {"type": "message", "role": role, "content": [{"type": kind, "text": text}], **fields}
    return {"type": "conversation.item.create", "item": item}


def spoken_item(driver: Driver) -> str:
    driver.say_something("It takes seven days. Ask again.", ms=2000)
    return str(driver.session._conversation.last_id)


def truncate(item_id: str, audio_end_ms: Any) -> dict[str, Any]:
    return {
        "type": "conversation.item.truncate",
        "item_id": item_id,
        "content_index": 0,
        "audio_end_ms": audio_end_ms,
    }


class TestTruncation:
    def test_the_unheard_words_are_forgotten(self) -> None:
        driver = Driver()
        item_id = spoken_item(driver)

        events = driver.send(truncate(item_id, 1000))

        assert only(events, "conversation.item.truncated")["audio_end_ms"] == 1000
        kept = only(
            driver.send({"type": "conversation.item.retrieve", "item_id": item_id}), "conversation.item.retrieved"
        )
        # Half of the sound: the word that lies across the cut is forgotten too.
        assert kept["item"]["content"] == [{"type": "output_audio", "transcript": "It takes seven"}]

    def test_nothing_heard_leaves_no_words(self) -> None:
        driver = Driver()
        item_id = spoken_item(driver)

        driver.send(truncate(item_id, 0))

        assert driver.session._conversation.find(item_id).text == ""

    def test_beyond_the_real_length_is_an_error(self) -> None:
        driver = Driver()
        item_id = spoken_item(driver)

        error = only(driver.send(truncate(item_id, 2001)), "error")["error"]

        assert error["param"] == "audio_end_ms"
        assert "2000 ms" in error["message"]

    def test_it_cannot_be_undone_by_a_later_one(self) -> None:
        driver = Driver()
        item_id = spoken_item(driver)
        driver.send(truncate(item_id, 500))

        assert types(driver.send(truncate(item_id, 1000))) == ["error"]

    @pytest.mark.parametrize(("item_id", "end"), [("nobody", 10), (None, 10)])
    def test_an_unknown_item_is_an_error(self, item_id: Any, end: int) -> None:
        assert only(Driver().send(truncate(item_id, end)), "error")["error"]["code"] == "item_not_found"

    def test_a_written_item_cannot_be_truncated(self) -> None:
        driver = Driver()
        driver.send(message("user", "Hello?", id="mine"))

        assert types(driver.send(truncate("mine", 0))) == ["error"]


class TestItems:
    def test_items_follow_each_other(self) -> None:
        driver = Driver()
        driver.send(message("system", "The caller is in Spain.", id="one"))

        events = driver.send(message("user", "Hello?", id="two"))

        assert [event["previous_item_id"] for event in events] == ["one", "one"]

    def test_an_item_can_be_put_first(self) -> None:
        driver = Driver()
        driver.send(message("user", "Hello?", id="two"))

        events = driver.send({**message("system", "Note.", id="one"), "previous_item_id": "root"})

        assert events[0]["previous_item_id"] is None
        assert [item.id for item in driver.session._conversation] == ["one", "two"]

    def test_a_deleted_item_is_gone(self) -> None:
        driver = Driver()
        driver.send(message("user", "Hello?", id="mine"))

        events = driver.send({"type": "conversation.item.delete", "item_id": "mine"})

        assert only(events, "conversation.item.deleted")["item_id"] == "mine"
        assert types(driver.send({"type": "conversation.item.retrieve", "item_id": "mine"})) == ["error"]

    @pytest.mark.parametrize(
        ("item", "param"),
        [
            ({"type": "message", "role": "robot", "content": []}, "item.role"),
            ({"type": "message", "role": "user", "content": "Hello"}, "item.content"),
            (
                {"type": "message", "role": "user", "content": [{"type": "output_text", "text": "x"}]},
                "item.content.type",
            ),
            ({"type": "message", "role": "user", "content": [{"type": "input_text"}]}, "item.content.text"),
            ({"type": "function_call_output", "call_id": "never", "output": "x"}, "item.call_id"),
            ({"type": "function_call_output", "output": "x"}, "item.call_id"),
            ({"type": "mcp_call"}, "item.type"),
            ("hello", "item"),
        ],
    )
    def test_a_wrong_item_is_refused_by_name(self, item: Any, param: str) -> None:
        events = Driver().send({"type": "conversation.item.create", "item": item, "event_id": "e1"})

        error = only(events, "error")["error"]
        assert (error["param"], error["event_id"]) == (param, "e1")

    def test_a_taken_id_is_refused(self) -> None:
        driver = Driver()
        driver.send(message("user", "Hello?", id="mine"))

        error = only(driver.send(message("user", "Hello?", id="mine")), "error")["error"]
        assert error["code"] == "item_already_exists"


class TestWrongEvents:
    @pytest.mark.parametrize(
        "event",
        [
            {"type": "session.explode"},
            {"type": 7},
            {},
            [],
            "hello",
            None,
            {"type": "session.update"},
            {"type": "input_audio_buffer.append"},
            {"type": "input_audio_buffer.append", "audio": "not base64!"},
            {"type": "input_audio_buffer.append", "audio": 5},
            {"type": "conversation.item.create"},
            {"type": "conversation.item.truncate"},
            {"type": "response.create", "response": {"input": [{"type": "nothing"}]}},
            {"type": "response.create", "response": "now"},
            {"type": "response.create", "response": {"output_modalities": ["audio", "text"]}},
        ],
    )
    def test_are_answered_with_an_error_and_the_session_goes_on(self, event: Any) -> None:
        driver = Driver()

        assert types(driver.send(event)) == ["error"]
        assert types(driver.send({"type": "response.create"})) == ["response.created"]


class TestSessionUpdate:
    def update(self, driver: Driver, **change: Any) -> list[dict[str, Any]]:
        return driver.send({"type": "session.update", "session": {"type": "realtime", **change}})

    def test_what_is_left_out_stays(self) -> None:
        driver = Driver()

        session = only(self.update(driver, instructions="Be brief."), "session.updated")["session"]

        assert session["instructions"] == "Be brief."
        assert session["audio"]["input"]["format"] == {"type": "audio/pcmu"}
        assert [tool["name"] for tool in session["tools"]] == ["lookup_article"]

    def test_what_is_cleared_is_gone(self) -> None:
        driver = Driver()

        session = only(self.update(driver, tools=[], audio={"input": {"transcription": None}}), "session.updated")[
            "session"
        ]

        assert session["tools"] == []
        assert "transcription" not in session["audio"]["input"]

    def test_turn_detection_null_is_manual_mode(self) -> None:
        session = only(self.update(Driver(), audio={"input": {"turn_detection": None}}), "session.updated")["session"]

        assert session["audio"]["input"]["turn_detection"] is None

    @pytest.mark.parametrize(
        ("change", "param"),
        [
            ({"output_modalities": ["audio", "text"]}, "session.output_modalities"),
            ({"audio": {"input": {"format": {"type": "audio/opus"}}}}, "session.audio.input.format"),
            (
                {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 16000}}}},
                "session.audio.input.format.audio/pcm.rate",
            ),
            ({"voice": "alloy"}, "session.voice"),
            ({"model": "another"}, "session.model"),
            ({"instructions": 5}, "session.instructions"),
        ],
    )
    def test_what_is_wrong_is_named_and_nothing_changes(self, change: dict[str, Any], param: str) -> None:
        driver = Driver()
        before = driver.session.config

        error = only(self.update(driver, **change), "error")["error"]

        assert error["param"] == param
        assert driver.session.config == before

    def test_the_type_is_needed(self) -> None:
        events = Driver().send({"type": "session.update", "session": {"instructions": "x"}})

        assert only(events, "error")["error"]["param"] == "session.type"

    def test_the_voice_cannot_change_once_the_agent_has_spoken(self) -> None:
        driver = Driver()
        before = types(self.update(driver, audio={"output": {"voice": "cedar"}}))
        driver.say_something()

        error = only(self.update(driver, audio={"output": {"voice": "marin"}}), "error")["error"]

        assert before == ["session.updated"]
        assert error["code"] == "cannot_update_voice"

    def test_a_language_that_the_model_does_not_know_is_refused(self) -> None:
        driver = Driver(languages=frozenset({"en"}))
        transcription = {"model": "whisper-1", "language": "es"}

        events = self.update(driver, audio={"input": {"transcription": transcription}})

        error = only(events, "error")["error"]
        assert error["code"] == "unsupported_language"
        assert "only en" in error["message"]

    def test_the_bridges_own_configuration_is_accepted(self) -> None:
        """Every field that the protocol reference shows for a phone call."""
        session = {
            **PHONE,
            "instructions": "…",
            "parallel_tool_calls": False,
            "reasoning": {"effort": "low"},
            "audio": {
                "input": {
                    "format": {"type": "audio/pcmu"},
                    "noise_reduction": {"type": "near_field"},
                    "transcription": {"model": "gpt-4o-mini-transcribe"},
                    "turn_detection": {
                        "type": "server_vad",
                        "threshold": 0.5,
                        "prefix_padding_ms": 300,
                        "silence_duration_ms": 500,
                        "idle_timeout_ms": 8000,
                        "create_response": True,
                        "interrupt_response": True,
                    },
                },
                "output": {"format": {"type": "audio/pcmu"}, "voice": "marin", "speed": 1.0},
            },
            "tool_choice": "auto",
            "truncation": {
                "type": "retention_ratio",
                "retention_ratio": 0.8,
                "token_limits": {"post_instructions": 8000},
            },
            "tracing": None,
            "max_output_tokens": 1024,
        }

        assert types(Driver().send({"type": "session.update", "session": session})) == ["session.updated"]
