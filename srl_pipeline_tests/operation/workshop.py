"""Test-only: a pack with two laws that a tiny student can learn, and teachers who are right more or less often."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from srl_pipeline.canonical import seed_of
from srl_pipeline.model_types import new_pack
from srl_pipeline_tests.vendors.expert import Expert

PACK = "lanterns"
KEY_VARIABLE = "SRL_TEST_KEY"
GOLD = (("saltmere", "watchman", 10, 2), ("highmarch", "scribe", 5, 1), ("amber_vale", "miner", 16, 3))


def open_workshop(packs: Path) -> None:
    """Write the pack: what is right depends on nothing but the law, so that a few steps of training show."""
    packs.mkdir(parents=True)
    new_pack(PACK, packs)
    proclaim(packs, metal="iron")


def proclaim(packs: Path, metal: str) -> None:
    """The law of the metal, from now on, with examples that prove it."""
    other = "brass" if metal == "iron" else "iron"
    laws = {"metal": metal, "mount": "hook"}
    rules = [
        {
            "id": f"{field}-by-law",
            "severity": "hard",
            "skill": "law",
            "assert": f"artefact.{field} == '{value}'",
            "message": f"{{artefact.{field}}} is forbidden; use {value}.",
            "because": f"the law says {value}",
        }
        for field, value in laws.items()
    ]
    # soft, and beyond a tiny student: its answers differ, so that there is something to learn from
    rules += [
        {
            "id": "fillings-fit",
            "severity": "soft",
            "skill": "arithmetic",
            "assert": "artefact.fillings * 6 >= scenario.hours && (artefact.fillings - 1) * 6 < scenario.hours",
            "message": "{artefact.fillings} fillings of 6 h do not fit {scenario.hours} h.",
            "because": "{scenario.hours} h at 6 h a filling is {artefact.fillings}",
        }
    ]
    gold = [
        {
            "id": f"g-{region}-{bearer}",
            "scenario": {"region": region, "bearer": bearer, "hours": hours},
            "artefact": {"fuel": "oil", "fillings": fillings, "pane": "glass", "colour": "white", **laws},
        }
        for region, bearer, hours, fillings in GOLD
    ]
    wrong = {"metal-by-law": {"metal": other}, "mount-by-law": {"mount": "pole"}, "fillings-fit": {"fillings": 4}}
    counter = [
        {"id": f"c-{rule}", "breaks": rule, "from": gold[0]["id"], "change": change} for rule, change in wrong.items()
    ]
    _write(packs / PACK / "rules.yaml", {"version": "1.0", "rules": rules})
    _write(packs / PACK / "examples.yaml", {"gold": gold, "counter": counter})


def entry(endpoint: str, name: str, usd: float) -> dict[str, Any]:
    """A teacher as `teachers.yaml` lists it; ``usd`` is the price of a million tokens, in or out."""
    return {
        "kind": "openai",
        "model": f"model-of-{name}",
        "endpoint": endpoint,
        "api_key_env": KEY_VARIABLE,
        "price": {"input": usd, "output": usd, "as_of": "2026-11-01"},
        "terms": {"training_allowed": True, "source": "a test", "as_of": "2026-11-01"},
        "limits": {"concurrency": 4, "timeout_seconds": 10.0, "attempts": 3},
    }


def write_teachers(file: Path, teachers: dict[str, dict[str, Any]], responsible: str) -> None:
    """Write `teachers.yaml`."""
    _write(file, {"version": 1, "teachers": teachers, "responsibilities": {"default": responsible}})


class Skilled:
    """An expert that knows the law of the day, and never gets a part of the scenarios right, always the same ones."""

    def __init__(self, packs: Path, name: str, fails: float) -> None:
        self._rules, self._name, self._fails = packs / PACK / "rules.yaml", name, fails

    def __call__(self, prompt: str, schema: dict[str, Any] | None, request: dict[str, Any]) -> str:
        expert = _expert(self._rules.stat().st_mtime_ns)
        if seed_of(self._name, expert._scenario(prompt).id) % 1000 < 1000 * self._fails:
            return "I do not know."
        return expert(prompt, schema, request)


@lru_cache(maxsize=1)
def _expert(changed: int) -> Expert:
    return Expert(PACK, mistakes=0.0)


def _write(file: Path, content: dict[str, Any]) -> None:
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
