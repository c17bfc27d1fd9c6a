"""Test-only: what a server answers. A brain is any callable like `minimal_answer`."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

Brain: TypeAlias = Callable[[str, dict[str, Any] | None, dict[str, Any]], str]
"""(all text of the prompt, JSON Schema that was asked for, whole request) -> text of the answer."""


def minimal_answer(prompt: str, schema: dict[str, Any] | None, request: dict[str, Any]) -> str:
    """The smallest JSON that the asked schema takes; without one, an empty object."""
    return json.dumps(minimal_instance(schema) if schema else {})


def minimal_instance(schema: dict[str, Any]) -> Any:
    """A small instance of a schema of objects, arrays, enums, numbers, strings, booleans and ``anyOf``."""
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    if "anyOf" in schema:
        return minimal_instance(schema["anyOf"][0])
    kind = schema.get("type")
    if kind == "object":
        properties = schema.get("properties", {})
        return {name: minimal_instance(properties[name]) for name in schema.get("required", [])}
    if kind == "array":
        words = schema.get("items", {}).get("enum")
        return words[: schema.get("minItems", 0)] if words else []
    if kind in ("integer", "number"):
        return schema.get("minimum", 0)
    return {"boolean": False, "null": None}.get(str(kind), "x" * schema.get("minLength", 1))


class ScriptedBrain:
    """Answers in the order given, then the last one for ever."""

    def __init__(self, answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self._lock = threading.Lock()

    def __call__(self, prompt: str, schema: dict[str, Any] | None, request: dict[str, Any]) -> str:
        with self._lock:
            return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
