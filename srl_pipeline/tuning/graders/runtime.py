"""Judges one answer by a pack's rules, like the verifier. Shipped to a vendor as text, so it needs Python alone.

`compiled.compile_grader` puts the pack into ``DATA`` as JSON, and `interpreter` in the place of its import. Rules are
data, interpreted; nothing is made into code. `proof.prove_grader` compares this with the verifier.
"""

# No `from __future__`, no syntax after Python 3.9: a vendor may put code in front of this text, and picks the Python.

import json
import re
from typing import Any

from srl_pipeline.tuning.graders.interpreter import Missing, Names, doubles, evaluate, truth

DATA = "{}"
PACK: dict[str, Any] = json.loads(DATA)


def grade(sample: dict[str, Any], item: dict[str, Any]) -> float:
    """Reward of ``sample["output_text"]`` for the step that ``item["task"]`` asks for, 0 to 1. Raises Unjudgeable."""
    action = read_action(sample.get("output_text"))
    if action is None:
        return 0.0
    task = item["task"]
    broken = broken_rules(task["step"], task["before"], action, task["axes"], task["facts"])
    if broken is None or any(rule["hard"] for rule in broken):
        return 0.0
    return max(0.0, 1.0 - PACK["penalty"] * sum(rule["weight"] for rule in broken))


def check(step: int, before: Names, action: Any, axes: Names, facts: Names) -> list[str]:
    """Ids of the rules that ``action`` breaks; ``["schema"]`` where it has not the structure. Raises Unjudgeable."""
    broken = broken_rules(step, before, action, axes, facts)
    return ["schema"] if broken is None else [rule["id"] for rule in broken]


def broken_rules(step: int, before: Names, action: Any, axes: Names, facts: Names) -> Any:
    """The step's rules that ``action`` breaks, a list; None where it has not the structure. Raises Unjudgeable."""
    if not well_formed(PACK["steps"][step]["fields"], action):
        return None
    longest = PACK["limits"]["list"]
    names = {"scenario": doubles(axes, longest), "facts": doubles(facts, longest)}
    for field, value in {**before, **action}.items():
        names["artefact__" + field] = doubles(value, longest)
    return [rule for rule in PACK["steps"][step]["rules"] if breaks(rule, names)]


def breaks(rule: dict[str, Any], names: Names) -> bool:
    """Whether a rule applies and does not hold; where its evidence is missing, it does not hold."""
    try:
        if rule["when"] is not None and not truth(evaluate(rule["when"], names)):
            return False
        return not truth(evaluate(rule["assert"], names))
    except Missing:
        return True


# ---- the answer: one strict JSON object, as teachers/prompted/strict_json.py reads it


_FENCE = re.compile(r"```(?:json)?[ \t]*\r?\n(.*)\n[ \t]*```", re.DOTALL | re.IGNORECASE)
_NESTING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{]|[\]}]', re.DOTALL)
_WHITE = " \t\r\n"


def read_action(text: Any) -> Any:
    """The action of an answer, a dict; None where the answer cannot be read."""
    limits = PACK["limits"]
    if not isinstance(text, str) or len(text.encode("utf-8", "replace")) > limits["bytes"]:
        return None
    inner = text.strip(_WHITE)
    fenced = _FENCE.fullmatch(inner)
    if fenced:
        inner = fenced[1].strip(_WHITE)
    if _depth(inner) > limits["depth"]:
        return None
    try:
        value, end = _DECODER.raw_decode(inner)
    except (ValueError, RecursionError):
        return None
    if inner[end:] or not isinstance(value, dict) or value.keys() != {"reasoning", "action"}:
        return None
    reasoning, action = value["reasoning"], value["action"]
    if not isinstance(reasoning, str) or len(reasoning) > limits["reasoning"] or not isinstance(action, dict):
        return None
    return action


def _depth(text: str) -> int:
    depth = deepest = 0
    for match in _NESTING.finditer(text):
        depth += (match[0] in "[{") - (match[0] in "]}")
        deepest = max(deepest, depth)
    return deepest


def _pairs(pairs: list[tuple[str, Any]]) -> Names:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a key stands twice")
    return result


def _constant(name: str) -> Any:
    raise ValueError(name + " is not a JSON number")


def _number(text: str) -> Any:
    limits = PACK["limits"]
    if len(text) <= limits["digits"]:
        value = float(text)
        if abs(value) < limits["number"] and round(value, 10) == value:
            return int(value) if value.is_integer() else value
    raise ValueError("a number is too large or too fine")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_constant=_constant, parse_int=_number, parse_float=_number, strict=True
)


# ---- the structure of an action: JSON Schema, the grid of numbers, the order of sets


def well_formed(fields: dict[str, dict[str, Any]], action: Any) -> bool:
    """Whether an action has exactly the step's fields, each with a value that it may have."""
    if not isinstance(action, dict) or action.keys() != fields.keys():
        return False
    return all(_allowed(field, action[name]) for name, field in fields.items())


def _allowed(field: dict[str, Any], value: Any) -> bool:
    kind = field.get("type")
    if kind is None:
        return isinstance(value, str) and value in field["enum"]
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "array":
        if not isinstance(value, list) or not field["minItems"] <= len(value) <= field["maxItems"]:
            return False
        return value == [word for word in field["items"]["enum"] if word in value]
    # To JSON Schema true is no number, and 1.0 is an integer.
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    low, step = field["minimum"], field["multipleOf"]
    if not low <= value <= field["maximum"]:
        return False
    if kind == "integer" and (not float(value).is_integer() or not float(value / step).is_integer()):
        return False
    steps = (value - low) / step
    return abs(steps - round(steps)) < 1e-6
