"""Test-only: what vendors check of an answer's schema and their specifications do not say."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any


def closed_schema_error(
    schema: dict[str, Any], keywords: Collection[str], *, all_required: bool, path: str = "$"
) -> str | None:
    """Why a decoder does not take a schema: an unknown keyword, an open object, an optional property, no type."""
    if unknown := set(schema) - set(keywords):
        return f"{path}: {', '.join(sorted(unknown))} is not permitted"
    if not {"type", "anyOf", "$ref", "const", "enum"} & set(schema):
        return f"{path}: schema must have a 'type' key"
    if all_required and not {"type", "anyOf", "$ref"} & set(schema):
        return f"{path}: schema must have a 'type' key"
    if schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            return f"{path}: 'additionalProperties' is required to be supplied and to be false"
        if all_required and set(schema.get("required", [])) != set(schema.get("properties", {})):
            return f"{path}: 'required' must name every key in properties"
    parts = {f"{path}.{name}": part for name, part in schema.get("properties", {}).items()}
    if "items" in schema:
        parts[f"{path}[]"] = schema["items"]
    parts |= {f"{path}|{n}": part for n, part in enumerate(schema.get("anyOf", []))}
    for where, part in parts.items():
        if (wrong := closed_schema_error(part, keywords, all_required=all_required, path=where)) is not None:
            return wrong
    return None
