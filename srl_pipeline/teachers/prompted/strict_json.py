"""JSON as an answer may be written: one strict object, bounded, every number one that a double holds exactly."""

from __future__ import annotations

import json
import re
from typing import Any

from srl_pipeline.canonical import normalise
from srl_pipeline.teachers.base import Unreadability

MAX_DEPTH = 8
"""Objects and lists within one another. An answer that keeps to its schema has three."""
MAX_NUMBER = 2**53
"""From here on a double is no longer every integer."""
MAX_DIGITS = 40
"""Characters of a number."""
_FENCE = re.compile(r"```(?:json)?[ \t]*\r?\n(.*)\n[ \t]*```", re.DOTALL | re.IGNORECASE)
_NESTING = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_WHITE = " \t\r\n"


class BadJson(ValueError):
    """What was read is no such object; ``reason`` counts it, the text tells it."""

    def __init__(self, reason: Unreadability, message: str) -> None:
        super().__init__(message)
        self.reason: Unreadability = reason


def read_object(text: str) -> dict[str, Any]:
    """The one object that ``text`` is, in a Markdown code fence or not. Raises BadJson, and nothing else."""
    inner = text.strip(_WHITE)
    if fenced := _FENCE.fullmatch(inner):
        inner = fenced[1].strip(_WHITE)
    _check_depth(inner)
    try:
        value, end = _DECODER.raw_decode(inner)
    except BadJson:
        raise
    except (ValueError, RecursionError) as error:
        if not inner.startswith("{") and "{" in inner:
            raise BadJson("extra_text", "There is text before the JSON object; write the object alone.") from error
        raise BadJson("not_json", "That is not valid JSON.") from error
    if inner[end:]:
        raise BadJson("extra_text", "There is text after the JSON value; write one object and nothing else.")
    if not isinstance(value, dict):
        raise BadJson("not_an_object", "The answer is not a JSON object.")
    return value


def _check_depth(text: str) -> None:
    """Before anything is parsed: depth costs a parser stack."""
    depth = 0
    for match in _NESTING.finditer(text):
        bracket = match[0]
        depth += (bracket in "[{") - (bracket in "]}")
        if depth > MAX_DEPTH:
            raise BadJson("too_deep", f"Objects and lists stand in one another more than {MAX_DEPTH} deep.")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise BadJson("duplicate_key", "A key stands twice in one object.")
    return result


def _constant(name: str) -> Any:
    raise BadJson("not_a_number", f"{name} is not a JSON number.")


def _number(text: str) -> int | float:
    if len(text) <= MAX_DIGITS and abs(value := float(text)) < MAX_NUMBER:
        plain = normalise(value)  # 3.0 is 3, and -0 is 0
        if plain == value:  # a number with more decimals than canonical JSON keeps would be stored as another one
            return plain
    raise BadJson("not_a_number", "A number is too large, or has more than ten decimals.")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_constant=_constant, parse_int=_number, parse_float=_number, strict=True
)
