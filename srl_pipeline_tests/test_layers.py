from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import srl_pipeline

PACKAGE = Path(srl_pipeline.__file__).parent
LAYERS = (
    {"canonical", "clock", "contracts", "errors"},
    {"config", "model_types"},
    {"presets", "registry"},
    {"launchers", "verification"},
    {"lore", "training"},
    {"evaluation", "teachers"},
    {"tracking"},
    {"weaknesses"},
    {"dashboard", "generation"},
    {"promotion", "stages"},
    {"ablation", "selection", "serving"},
    {"retraining", "tuning"},
    {"auditing", "doctor", "retention"},
    {"defs"},
    {"definitions"},
    {"cli"},
)
"""From the bottom up: what a layer imports lies below it, also where the import stands inside a function."""
HEIGHT = {room: height for height, rooms in enumerate(LAYERS) for room in rooms}
DAGSTER = {"defs", "cli", "definitions", "launchers", "stages", "doctor"}
"""Rooms that may import Dagster: its objects, the commands that ask it, and both ends of Pipes."""


def imports(room: str) -> Iterator[tuple[str, str]]:
    """Place and dotted name of each import below a package, or of a module."""
    for file in sorted((PACKAGE / room).rglob("*.py")) or [PACKAGE / f"{room}.py"]:
        package = ("srl_pipeline", *file.parent.relative_to(PACKAGE).parts)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            place = f"{file.relative_to(PACKAGE)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Import):
                yield from ((place, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                above = package[: len(package) - node.level + 1] if node.level else ()
                yield place, ".".join((*above, node.module or ""))


def test_every_room_has_its_layer() -> None:
    rooms = {p.stem for p in PACKAGE.iterdir() if not p.name.startswith("_") and (p.suffix == ".py" or p.is_dir())}
    assert rooms == set(HEIGHT)


@pytest.mark.parametrize("room", sorted(HEIGHT))
def test_data_flows_one_way(room: str) -> None:
    ours = [(place, name.split(".")[1]) for place, name in imports(room) if name.startswith("srl_pipeline.")]
    upwards = [f"{place} imports {other}" for place, other in ours if other != room and HEIGHT[other] >= HEIGHT[room]]
    assert upwards == []


@pytest.mark.parametrize("room", sorted(set(HEIGHT) - DAGSTER))
def test_a_domain_package_does_not_know_dagster(room: str) -> None:
    assert [place for place, name in imports(room) if name.split(".")[0].startswith("dagster")] == []
