"""The tool surface: exactly three tools, none of which can change a customer's record (decisions.md, row 17)."""

from functools import cache
from importlib import resources
from typing import Any

import orjson
from jsonschema import Draft202012Validator

TOOL_NAMES = ("lookup_article", "handoff_to_human", "schedule_callback")


@cache
def tool_schemas() -> tuple[dict[str, Any], ...]:
    """The schemas as registered in `session.update`."""
    folder = resources.files(__package__)
    return tuple(orjson.loads((folder / f"{name}.tool.json").read_bytes()) for name in TOOL_NAMES)


@cache
def _validators() -> dict[str, Draft202012Validator]:
    return {schema["name"]: Draft202012Validator(schema["parameters"]) for schema in tool_schemas()}


class BadArguments(ValueError):
    """The model called a tool that is not there or with arguments that do not fit; the message is for the model."""


def parse_arguments(name: str, arguments: str) -> dict[str, Any]:
    """The validated arguments of a tool call. Raises `BadArguments`."""
    validator = _validators().get(name)
    if validator is None:
        raise BadArguments(f"there is no tool {name!r}; the tools are {', '.join(TOOL_NAMES)}")
    try:
        parsed = orjson.loads(arguments or "{}")
    except orjson.JSONDecodeError as error:
        raise BadArguments("the arguments are not JSON") from error
    problem = next(validator.iter_errors(parsed), None)
    if problem is not None:
        where = "/".join(str(part) for part in problem.absolute_path) or "arguments"
        raise BadArguments(f"{where}: {problem.message}")
    if not isinstance(parsed, dict):
        raise BadArguments("the arguments are not an object")
    return parsed
