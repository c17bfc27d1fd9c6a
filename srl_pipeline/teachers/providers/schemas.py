"""JSON Schemas as vendors take them.

Each vendor's decoder knows a part of JSON Schema and refuses the rest. What it does not know is moved into the
description, where the model may still read it; Model C checks the answer against the whole schema in any case.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from srl_pipeline.canonical import dumps

_STRUCTURE = {"type", "properties", "required", "additionalProperties", "items", "enum", "description"}
OPENAI_STRICT = _STRUCTURE | {
    "anyOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems",
    "pattern", "format",
}  # fmt: skip
"""Keywords of OpenAI's strict mode."""
GEMINI = _STRUCTURE | {"anyOf", "minimum", "maximum", "minItems", "maxItems", "format", "title"}
"""Keywords of `responseJsonSchema`."""


def decodable(schema: dict[str, Any], keywords: Collection[str]) -> dict[str, Any]:
    """``schema`` with ``keywords`` alone: every object closed, all its properties required, every enum typed."""
    kept: dict[str, Any] = {}
    moved: dict[str, Any] = {}
    for word, value in schema.items():
        if word == "properties":
            kept[word] = {name: decodable(part, keywords) for name, part in value.items()}
        elif word == "items":
            kept[word] = decodable(value, keywords)
        elif word == "anyOf" and word in keywords:
            kept[word] = [decodable(part, keywords) for part in value]
        elif word in keywords:
            kept[word] = value
        else:
            moved[word] = value
    if "enum" in kept and "type" not in kept:
        kept["type"] = _type_of(kept["enum"])
    if kept.get("type") == "object":
        kept["required"] = list(kept.get("properties", {}))
        kept["additionalProperties"] = False
    if moved:
        said = "; ".join(f"{word}: {dumps(value)}" for word, value in moved.items())
        kept["description"] = f"{kept['description']} ({said})" if kept.get("description") else said
    return kept


def _type_of(values: list[Any]) -> str | list[str]:
    names = sorted({_NAMES[type(value)] for value in values})
    return names[0] if len(names) == 1 else names


_NAMES = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
