"""Parsed YAML into typed records; the first thing that is wrong is told with its line."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from srl_pipeline.errors import PackError
from srl_pipeline.model_types.spec import Spec
from srl_pipeline.model_types.yaml_source import YamlPath, YamlSource

S = TypeVar("S", bound=Spec)


def validate(model: type[S], source: YamlSource) -> S:
    """The record that a file describes; raises PackError naming file and line."""
    try:
        return model.model_validate(source.value if source.value is not None else {})
    except ValidationError as error:
        errors = error.errors()
        # A misspelt key is unknown and leaves its right name missing: the first of the two has a line.
        first = next((e for e in errors if e["type"] == "extra_forbidden"), errors[0])
        path = _real_path(source.value, first)
        raise PackError(
            f"{'.'.join(str(part) for part in path) or source.file.name}: {_words(first)}.",
            where=source.place(path),
            mend="docs/packs.md shows the format of every file.",
        ) from error


def validate_record(model: type[S], value: dict[str, Any], *, where: str) -> S:
    """The record that a plug-in describes; raises PackError naming the field that is wrong."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        raise PackError(
            f"{'.'.join(str(part) for part in first['loc'])}: {_words(first)}.",
            where=where,
            mend="docs/packs.md shows the format.",
        ) from error


def _real_path(value: Any, error: ErrorDetails) -> YamlPath:
    """The part of the location that stands in the file: pydantic mixes names of branches into it."""
    path: list[str | int] = []
    for part in error["loc"]:
        if _has(value, part):
            value = value[part]
            path.append(part)
    return tuple(path)


def _has(value: Any, part: str | int) -> bool:
    if isinstance(value, list):
        return isinstance(part, int) and part < len(value)
    return isinstance(value, dict) and part in value


def _words(error: ErrorDetails) -> str:
    if error["type"] == "missing":
        return f"{error['loc'][-1]!r} is missing"
    if error["type"] == "extra_forbidden":
        return "this key is not known here"
    if error["type"] == "string_pattern_mismatch":
        return f"{error['input']!r:.60} is not a name of the kind that is allowed here"
    given: Any = error["input"]
    if error["type"] in ("model_type", "dict_type"):
        return f"a mapping is wanted here, not {given!r:.60}"
    if isinstance(given, bool):
        return f"YAML reads this as {str(given).lower()}; put the word in quotes"
    shown = f" (it is {given!r:.60})" if isinstance(given, (str, int, float)) or given is None else ""
    return error["msg"].removeprefix("Value error, ").rstrip(".") + shown
