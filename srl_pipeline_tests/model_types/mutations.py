"""Test-only: a small pack, and what can go wrong with its files."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from srl_pipeline.model_types.scaffold import TEMPLATE

LORE = [f"lore/{file.name}" for file in sorted((TEMPLATE / "lore").glob("*.md"))]
FILES = ["pack.yaml", "rules.yaml", "examples.yaml", "evaluation.yaml", *LORE[:2], LORE[-1]]
"""Those that are changed: every YAML file, and lore documents of both kinds."""
ODD_VALUES: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        -1,
        1.5,
        2**63,
        10**62,
        -(10**62),
        1e308,
        -1e308,
        5e-324,
        1e-12,
        float("nan"),
        float("inf"),
    ),
    *("", " ", "null", "1e999", "../../../etc/passwd", "/etc/passwd", "%s{x}{0}", "{hours}", "{scenario.region}"),
    *(
        "é",
        "\u202eabc",
        "a\u2028b",
        "😀" * 60,
        "x" * 500,
        "a\nb",
        "saltmere",
        "region",
        "oil",
        "fuel",
        "region-saltmere",
    ),
    *(
        [],
        {},
        [[]],
        {"a": {"b": []}},
        ["oil", "oil"],
        {"min": 1, "max": 1, "step": 1},
        {"type": "integer"},
        [1, "a", None],
    ),
    {"min": -1e308, "max": 1e308, "step": 5e-324},
    {"min": 0, "max": 1e-9, "step": 1e-12},
    {"min": 1e17, "max": 1e17 + 4096, "step": 1},
    {"type": "number", "minimum": 0, "maximum": 1e-9, "multipleOf": 1e-11},
    {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 0, "maxItems": 2},
]
EXPRESSIONS = [
    *(
        "true",
        "1",
        "''",
        "scenario.hours",
        "scenario.hours / 0 > 1",
        "facts.region.wind + 1 == 2",
        "artefact.fuel == 1",
    ),
    *("facts.region.moon == 1", "scenario['hours'] == 1", "int(1e300) > 0", "[1,2][9] == 1", "!" * 390 + "true"),
    *("artefact.fuel.matches('(a{1000}){1000}')", "size(artefact.fuel) == 3", "has(artefact.fuel)", "((((", "artefact"),
]
HOSTILE_TEXT = [
    *(
        "\t",
        "\x00",
        "\ufeff",
        "\u2028",
        "\x85",
        "---\n",
        "...\n",
        "%YAML 1.2\n",
        "&a ",
        "*a",
        "<<: *a\n",
        "!!int ''",
        "!!int _",
    ),
    *(
        "!!float ''",
        "!!bool maybe",
        "!!null x",
        "!!binary x",
        "!!set {a}",
        "!!timestamp x",
        "!!python/name:os.system ''",
    ),
    *(
        "? ",
        ": ",
        "- ",
        "[" * 30,
        "{" * 30,
        "'",
        '"',
        "|",
        ">",
        "#",
        ",",
        "\\ud800",
        '"\\ud800"',
        '"\\U00110000"',
        ".nan",
    ),
    *("-.inf", "0x", "0o9", "1:1:1", "9" * 70, "1e9999", "{a: 1, a: 2}", "@", "`", "~", "\r", "\r\n", "é" * 50, "y: "),
]


def small_pack(folder: Path) -> Path:
    """The scaffold pack with few examples and held-out scenarios, which reads in a third of the time."""
    (folder / "lore").mkdir(parents=True)
    for name in LORE:
        (folder / name).write_bytes((TEMPLATE / name).read_bytes())
    for name in FILES[:4]:
        value = yaml.safe_load((TEMPLATE / name).read_text(encoding="utf-8"))
        if name == "evaluation.yaml":
            value["scenarios"] = value["scenarios"][:3]
        elif name == "examples.yaml":
            value["counter"] = value["counter"][::2]  # two stand together for each rule
            needed = {counter["from"] for counter in value["counter"]}
            value["gold"] = [gold for gold in value["gold"] if gold["id"] in needed]
        (folder / name).write_text(written(value), encoding="utf-8")
    return folder


def written(value: Any, **style: Any) -> str:
    """YAML of a value, by another library's writer; aliases are written out."""

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    options: dict[str, Any] = {"sort_keys": False} | style
    return yaml.dump(value, Dumper=Dumper, allow_unicode=True, **options)


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a value, the root left out."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, part in inner for found in [(*at, key), *paths(part, (*at, key))]]


@st.composite
def changed_values(draw: st.DrawFn, value: Any) -> Any:
    """``value`` with one or two things in it deleted, renamed, doubled, exchanged or replaced by something odd."""
    value = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 2))):
        places = paths(value)
        if not places:
            return value
        place = draw(st.sampled_from(places))
        holder = value
        for key in place[:-1]:
            holder = holder[key]
        key = place[-1]
        match draw(st.sampled_from(["replace", "replace", "express", "delete", "rename", "double", "exchange"])):
            case "replace":
                holder[key] = draw(st.sampled_from(ODD_VALUES))
            case "express":
                holder[key] = draw(st.sampled_from(EXPRESSIONS))
            case "delete":
                del holder[key]
            case "rename" if isinstance(holder, dict):
                holder[draw(st.sampled_from([f"{key}x", "", 1, "A", "id", "min", "from", "hours", "é"]))] = holder.pop(
                    key
                )
            case "double" if isinstance(holder, list):
                holder.insert(key, copy.deepcopy(holder[key]))
            case _:
                other = draw(st.sampled_from(places))
                found = value
                for part in other:
                    found = found[part] if isinstance(found, (dict, list)) and _has(found, part) else found
                holder[key] = copy.deepcopy(found)
    return value


def _has(value: Any, part: Any) -> bool:
    return part in value if isinstance(value, dict) else isinstance(part, int) and part < len(value)


@st.composite
def changed_texts(draw: st.DrawFn, text: str) -> bytes:
    """``text`` cut, doubled, or with hostile YAML or bytes somewhere in it."""
    data = text.encode("utf-8")
    at = draw(st.integers(0, len(data)))
    end = min(len(data), at + draw(st.integers(0, 60)))
    piece = draw(st.sampled_from(HOSTILE_TEXT).map(lambda s: s.encode("utf-8")) | st.binary(max_size=4))
    line = data.rfind(b"\n", 0, at) + 1
    match draw(st.sampled_from(["insert", "value", "cut", "end", "line", "empty"])):
        case "insert":
            return data[:at] + piece + data[at:]
        case "value":  # in the place of what follows a key
            colon = data.find(b": ", at)
            stop = data.find(b"\n", colon)
            return data[: colon + 2] + piece + data[stop:] if 0 <= colon < stop else data + piece
        case "cut":
            return data[:at] + data[end:]
        case "end":
            return data[:at]
        case "line":
            stop = data.find(b"\n", at) + 1
            return data[:stop] + data[line:stop] + data[stop:]
        case _:
            return piece
