"""Test-only: a Google discovery document as JSON Schema."""

from __future__ import annotations

from typing import Any

_INT64 = {"type": "string", "pattern": r"^-?\d+$"}
"""64-bit numbers are answered as text; in a request Google takes a number as well."""


def json_schemas(document: dict[str, Any], *, closed: bool) -> dict[str, Any]:
    """The document's schemas by name; ``closed`` objects take no unknown field, as Google's servers do."""
    return {name: _convert(schema, set(document["schemas"]), closed) for name, schema in document["schemas"].items()}


def _convert(schema: dict[str, Any], known: set[str], closed: bool) -> dict[str, Any]:
    if "$ref" in schema:
        return {"$ref": f"#/components/schemas/{schema['$ref']}"} if schema["$ref"] in known else {}
    if schema.get("type") == "any":
        return {}
    if schema.get("format") in ("int64", "uint64"):
        return _INT64 | {"type": ["string", "integer"]} if closed else _INT64
    kept = {word: schema[word] for word in ("type", "enum", "required", "pattern") if word in schema}
    if "items" in schema:
        kept["items"] = _convert(schema["items"], known, closed)
    if "properties" in schema:
        kept["properties"] = {name: _convert(part, known, closed) for name, part in schema["properties"].items()}
        if closed:
            kept["additionalProperties"] = False
    if "additionalProperties" in schema:
        kept["additionalProperties"] = _convert(schema["additionalProperties"], known, closed)
    return kept
