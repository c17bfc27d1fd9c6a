"""Packs of a few fields and rules, written out and read like any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from srl_pipeline.contracts import LoreBundle, Scenario
from srl_pipeline.model_types import Pack, read_pack
from srl_pipeline.verification import ScenarioSpace

BUNDLE = LoreBundle(citations=[], tokens=0, budget=0)
Fields = Mapping[str, Sequence[str]]


def rule(name: str, text: str, when: str | None = None, hard: bool = True, weight: float = 1.0) -> dict[str, Any]:
    """One rule."""
    written = {"id": name, "severity": "hard" if hard else "soft", "weight": weight, "skill": "s"}
    written |= {"assert": text, "message": f"{name} is broken", "because": f"{name} decides"}
    return written | ({"when": when} if when else {})


def soft(name: str, text: str, weight: float = 1.0) -> dict[str, Any]:
    """One soft rule."""
    return rule(name, text, hard=False, weight=weight)


def tiny_pack(folder: Path, steps: Sequence[Fields], rules: Sequence[dict[str, Any]], brief: str = "Do it.") -> Pack:
    """A pack with one scenario axis, the given steps of enum fields, and the given rules."""
    (folder / "lore").mkdir(parents=True)
    (folder / "lore" / "note.md").write_text("---\nid: note\ntitle: Note\n---\n## Note\nNothing binds.\n")
    spec = {
        "title": "Tiny",
        "description": "d",
        "system": "s",
        "brief": brief,
        "axes": {"number": {"min": 1, "max": 3, "step": 1}},
        "difficulty": "0.5",
        "steps": [
            {
                "id": f"step_{i}",
                "title": f"Step {i}",
                "instruction": "Choose.",
                "fields": {name: {"enum": list(values)} for name, values in fields.items()},
            }
            for i, fields in enumerate(steps)
        ],
    }
    files = {
        "pack": spec,
        "rules": {"version": "1", "rules": list(rules)},
        "examples": {"gold": [], "counter": []},
    }
    for name, content in files.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return read_pack(folder)


def first_scenario(pack: Pack) -> Scenario:
    """Scenario number 1."""
    return ScenarioSpace(pack).scenario({"number": 1}, where="test")
