"""Test-only: whether a JSON value is of a shape of AWS's service model, patterns included (botocore checks none)."""

from __future__ import annotations

import re
from typing import Any

_NUMBER = {"integer": int, "float": (int, float)}
_TYPES: dict[str, Any] = {"structure": dict, "map": dict, "list": list, "string": str, "boolean": bool, **_NUMBER}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def misfits(shape: Any, value: Any, path: str = "") -> list[str]:
    """What is wrong with ``value`` by a botocore Shape, a sentence each; empty where it fits."""
    facts, here, kind = shape.metadata, path or shape.name, shape.type_name
    if kind == "timestamp":
        return [] if isinstance(value, str) and _TIME.fullmatch(value) else [f"{here}: {value!r} is no time"]
    if not isinstance(value, _TYPES[kind]):
        return [f"{here}: {value!r} is no {kind}"]
    found: list[str] = []
    inner: list[tuple[Any, Any, str]] = []
    if kind == "structure":
        found += [f"{here}: {name} is missing" for name in facts.get("required", []) if name not in value]
        found += [f"{here}: {name} is unknown" for name in value if name not in shape.members]
        inner = [(shape.members[name], value[name], name) for name in value if name in shape.members]
    elif kind in ("list", "map"):
        pairs = enumerate(value) if kind == "list" else value.items()
        inner = [(shape.member if kind == "list" else shape.value, item, str(name)) for name, item in pairs]
    for member, item, name in inner:
        found += misfits(member, item, f"{here}.{name}")
    if facts.get("union") and len(value) != 1:
        found.append(f"{here}: {len(value)} members of a union")
    size = value if kind in _NUMBER else 0 if kind == "boolean" else len(value)
    if not facts.get("min", size) <= size <= facts.get("max", size):
        found.append(f"{here}: {size} is out of bounds")
    if "pattern" in facts and not re.fullmatch(facts["pattern"], value):
        found.append(f"{here}: {value!r} does not match {facts['pattern']}")
    if facts.get("enum") and value not in facts["enum"]:
        found.append(f"{here}: {value!r} is none of {facts['enum']}")
    return found
