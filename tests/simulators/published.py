"""The vendors' published OpenAPI descriptions, where they lie beside the repository; without, tests are skipped."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

_SPECS = Path(__file__).parents[3] / "shared" / "specs"


class Published:
    """One OpenAPI 3.0 description."""

    def __init__(self, name: str) -> None:
        path = _SPECS / name
        if not path.exists():
            pytest.skip(f"{name} is not here")
        self.document: dict[str, Any] = _plain(_read(path))

    def response(self, path: str, method: str, status: str) -> dict[str, Any]:
        """JSON schema of a response's body."""
        answer = self.document["paths"][path][method]["responses"][status]
        if "$ref" in answer:
            answer = self.document["components"]["responses"][answer["$ref"].rsplit("/", 1)[1]]
        schema: dict[str, Any] = answer["content"]["application/json"]["schema"]
        return schema

    def check(self, body: Any, schema: dict[str, Any]) -> None:
        """Raises `jsonschema.ValidationError`."""
        whole = schema | {"components": self.document["components"]}
        jsonschema.Draft202012Validator(whole).validate(body)

    def allow_null(self, schema: str) -> None:
        """Mend a component that is described as nullable and not marked so."""
        schemas = self.document["components"]["schemas"]
        schemas[schema] = {"anyOf": [schemas[schema], {"type": "null"}]}

    def properties(self, schema: str) -> set[str]:
        """What a component's schema names."""
        return set(self.document["components"]["schemas"][schema]["properties"])


def _read(path: Path) -> Any:
    """Langfuse publishes YAML, everybody else JSON."""
    text = path.read_text("utf-8")
    return json.loads(text) if path.suffix == ".json" else yaml.load(text, Loader=yaml.CSafeLoader)


def _plain(node: Any) -> Any:
    """OpenAPI 3.0's `nullable` in JSON Schema's words."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _plain(value) for key, value in node.items() if key != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if node.get("nullable") is True and "type" in node else plain
