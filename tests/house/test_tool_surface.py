"""What the model may ask for: three tools, of which none can change a customer's record."""

import re
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from realtime_bridge.tools.schemas import TOOL_NAMES, BadArguments, parse_arguments, tool_schemas
from tests.house.repository import ROOT

FOLDER = ROOT / "realtime_bridge" / "tools"
HANDOFF: dict[str, Any] = {
    "reason": "low_confidence",
    "confidence": 0.4,
    "call_state": {
        "call_sid": "CA" + "0a" * 16,
        "language": "en-US",
        "transcript_summary": "The caller cannot sign in.",
        "retrieved_chunk_ids": ["kb_0123456789ab"],
    },
}


def schema(name: str) -> dict[str, Any]:
    """The parameters of a tool, from its file."""
    found: dict[str, Any] = orjson.loads((FOLDER / f"{name}.tool.json").read_bytes())["parameters"]
    return found


def leaves(part: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Name of every property, however deep."""
    for name, inner in part.get("properties", {}).items():
        yield (*path, name), name
        yield from leaves(inner, (*path, name))


class TestTheToolSurface:
    def test_is_exactly_three_tools(self) -> None:
        assert set(TOOL_NAMES) == {"lookup_article", "handoff_to_human", "schedule_callback"}
        assert {path.name.removesuffix(".tool.json") for path in FOLDER.glob("*.json")} == set(TOOL_NAMES)

    def test_as_registered_is_the_files_content(self) -> None:
        for registered in tool_schemas():
            assert registered == orjson.loads((FOLDER / f"{registered['name']}.tool.json").read_bytes())
            assert set(registered) == {"type", "name", "description", "parameters"}
            assert registered["type"] == "function"

    def test_takes_parameters_that_are_valid_json_schema(self) -> None:
        for registered in tool_schemas():
            Draft202012Validator.check_schema(registered["parameters"])

    @pytest.mark.parametrize("name", TOOL_NAMES)
    def test_has_no_parameter_that_names_a_record_or_an_amount(self, name: str) -> None:
        forbidden = re.compile(
            r"account|customer|invoice|amount|refund|plan|subscription|email|password|card|update|set_"
        )

        assert [path for path, leaf in leaves(schema(name)) if forbidden.search(leaf)] == []


class TestHandoffToHuman:
    """The schema's values are part of the product's contract; routing and analytics depend on them."""

    def test_requires_reason_confidence_and_call_state(self) -> None:
        assert schema("handoff_to_human")["required"] == ["reason", "confidence", "call_state"]

    def test_knows_five_reasons(self) -> None:
        assert schema("handoff_to_human")["properties"]["reason"]["enum"] == [
            "low_confidence",
            "out_of_scope",
            "caller_request",
            "must_refuse_category",
            "multilingual_handoff",
        ]

    def test_takes_a_confidence_from_zero_to_one(self) -> None:
        confidence = schema("handoff_to_human")["properties"]["confidence"]

        assert (confidence["type"], confidence["minimum"], confidence["maximum"]) == ("number", 0, 1)

    def test_describes_the_call_by_four_required_fields(self) -> None:
        state = schema("handoff_to_human")["properties"]["call_state"]

        assert state["required"] == ["call_sid", "language", "transcript_summary", "retrieved_chunk_ids"]
        assert state["properties"] == {
            "call_sid": {"type": "string", "pattern": "^CA[a-f0-9]{32}$"},
            "language": {"type": "string", "pattern": "^[a-z]{2}(-[A-Z]{2})?$"},
            "transcript_summary": {"type": "string", "maxLength": 800},
            "retrieved_chunk_ids": {
                "type": "array",
                "items": {"type": "string", "pattern": "^kb_[a-f0-9]{12}$"},
                "minItems": 0,
                "maxItems": 12,
            },
        }

    def test_accepts_a_whole_call(self) -> None:
        assert parse_arguments("handoff_to_human", orjson.dumps(HANDOFF).decode()) == HANDOFF

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("reason", "bored"),
            ("confidence", 1.1),
            ("confidence", "high"),
            ("call_state.call_sid", "CA123"),
            ("call_state.language", "english"),
            ("call_state.transcript_summary", "x" * 801),
            ("call_state.retrieved_chunk_ids", ["kb_0123456789ab"] * 13),
            ("call_state.retrieved_chunk_ids", ["article-7"]),
        ],
        ids=lambda value: str(value)[:40],
    )
    def test_refuses_what_does_not_fit_and_says_where(self, field: str, value: object) -> None:
        outer, _, inner = field.partition(".")
        arguments = {**HANDOFF, outer: {**HANDOFF["call_state"], inner: value} if inner else value}

        with pytest.raises(BadArguments, match=field.replace(".", "/")):
            parse_arguments("handoff_to_human", orjson.dumps(arguments).decode())

    @pytest.mark.parametrize("missing", ["reason", "confidence", "call_state"])
    def test_refuses_a_call_that_leaves_something_out(self, missing: str) -> None:
        arguments = {name: value for name, value in HANDOFF.items() if name != missing}

        with pytest.raises(BadArguments, match=missing):
            parse_arguments("handoff_to_human", orjson.dumps(arguments).decode())
