"""Test-only: a vendor's published specification, as a judge of requests and answers."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from srl_pipeline_tests.vendors.discovery import json_schemas

_FILES = Path(__file__).parent / "specs"
_PREFIX = "#/components/schemas/"


class Specification:
    """Says what is wrong with a body, or None. Requests may have no field that the specification does not know."""

    def __init__(self, requests: dict[str, Any], answers: dict[str, Any], operations: dict[str, Any]) -> None:
        """``operations``: "post /path" -> its request and its answers by status, as JSON Schemas."""
        self._operations = operations
        self._requests = requests
        self._answers = answers
        self._validators: dict[tuple[str, str], Draft202012Validator] = {}
        self._fields = {
            operation: _fields(parts["request"], requests)
            for operation, parts in operations.items()
            if "request" in parts
        }

    def request_error(self, operation: str, body: Any) -> str | None:
        """What is wrong with a request's body."""
        if isinstance(body, dict) and (unknown := set(body) - self._fields[operation]):
            return f"unrecognized request arguments: {', '.join(sorted(unknown))}"
        return self._error(operation, "request", body)

    def answer_error(self, operation: str, status: int, body: Any) -> str | None:
        """What is wrong with an answer's body; a status that the specification does not describe says nothing."""
        return self._error(operation, "2XX" if status < 300 else "4XX", body)

    def _error(self, operation: str, part: str, body: Any) -> str | None:
        schema = self._operations[operation].get(part)
        if schema is None:
            return None
        if (validator := self._validators.get((operation, part))) is None:
            validator = self._validators[operation, part] = self._validator(schema, part)
        if validator.is_valid(body):
            return None
        error = best_match(validator.iter_errors(body))
        return f"{error.json_path}: {error.message[:300]}" if error else None

    def _validator(self, schema: dict[str, Any], part: str) -> Draft202012Validator:
        schemas = self._requests if part == "request" else self._answers
        return Draft202012Validator(schema | {"components": {"schemas": schemas}})


@cache
def openapi(vendor: str) -> Specification:
    """The specification of a vendor that publishes OpenAPI 3.1."""
    document = _rewritten(json.loads((_FILES / f"{vendor}.json").read_text(encoding="utf-8")))
    document = _discriminated(document, document["components"]["schemas"])
    operations: dict[str, Any] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parts = {"4XX": {"$ref": f"{_PREFIX}ErrorResponse"}, "2XX": _body(operation["responses"]["200"])}
            if "requestBody" in operation:
                parts["request"] = _body(operation["requestBody"])
            operations[f"{method} {path}"] = parts
    schemas = document["components"]["schemas"]
    return Specification(schemas, schemas, operations)


@cache
def google_discovery(vendor: str) -> Specification:
    """The specification of a vendor that publishes a Google discovery document; operations by their names there."""
    document = json.loads((_FILES / f"{vendor}.json").read_text(encoding="utf-8"))
    parts = {"request": "request", "response": "2XX"}
    operations = {
        name: {part: {"$ref": _PREFIX + method[key]["$ref"]} for key, part in parts.items() if key in method}
        for name, method in document["methods"].items()
    }
    return Specification(json_schemas(document, closed=True), json_schemas(document, closed=False), operations)


def _discriminated(node: Any, schemas: dict[str, Any]) -> Any:
    """``oneOf`` objects that one field tells apart, as a choice by that field: otherwise all of them are tried."""
    if isinstance(node, list):
        return [_discriminated(item, schemas) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: _discriminated(value, schemas) for key, value in node.items()}
    branches = node.get("oneOf") if isinstance(node.get("oneOf"), list) else []
    for field in ("role", "type"):
        words = [_only_word(branch, field, schemas) for branch in branches]
        if len(words) > 1 and None not in words and len(set(words)) == len(words):
            del node["oneOf"]
            choice = {"required": [field], "properties": {field: {"enum": words}}}
            cases = [
                {"if": {"properties": {field: {"const": word}}}, "then": branch}
                for word, branch in zip(words, branches, strict=True)
            ]
            return {"allOf": [node, choice, *cases]}
    return node


def _only_word(branch: dict[str, Any], field: str, schemas: dict[str, Any]) -> str | None:
    """The one value that a required field of a branch may have."""
    schema = schemas[branch["$ref"].removeprefix(_PREFIX)] if "$ref" in branch else branch
    part = schema.get("properties", {}).get(field, {})
    words = [part["const"]] if "const" in part else part.get("enum", [])
    return words[0] if len(words) == 1 and field in schema.get("required", []) else None


def _fields(schema: dict[str, Any], schemas: dict[str, Any]) -> set[str]:
    """Fields of a body; ``unevaluatedProperties`` says the same and takes ten times as long to check."""
    found = set(schema.get("properties", {}))
    if "$ref" in schema:
        found |= _fields(schemas[schema["$ref"].removeprefix(_PREFIX)], schemas)
    return found.union(*(_fields(part, schemas) for part in schema.get("allOf", [])))


def _body(part: dict[str, Any]) -> dict[str, Any]:
    """The one body that is no stream of events."""
    (media,) = [media for kind, media in part["content"].items() if kind != "text/event-stream"]
    return media["schema"]


def _rewritten(node: Any) -> Any:
    """OpenAPI 3.0's words in a 3.1 document, which JSON Schema does not know."""
    if isinstance(node, list):
        return [_rewritten(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: _rewritten(value) for key, value in node.items()}
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(strict := node.get(exclusive), bool):
            del node[exclusive]
            if strict:
                node[exclusive] = node.pop(bound)
    if node.get("nullable") is True:
        del node["nullable"]
        return {"anyOf": [node, {"type": "null"}]}
    return node
