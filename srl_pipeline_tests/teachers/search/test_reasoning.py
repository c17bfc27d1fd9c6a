"""Reasoning names the rule that decided each choice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from srl_pipeline.contracts import LoreBundle
from srl_pipeline.model_types import Pack
from srl_pipeline.teachers import SearchTeacher, Task
from srl_pipeline.verification import ScenarioSpace, Verifier
from srl_pipeline_tests.teachers.tiny import BUNDLE, first_scenario, rule, soft, tiny_pack


def reasoning(pack: Pack) -> str:
    step = SearchTeacher(Verifier(pack)).propose(Task(first_scenario(pack), BUNDLE, 0), [], [])
    assert step is not None
    return step.reasoning


def test_the_rule_that_leaves_the_fewest_alternatives_is_told(tmp_path: Path) -> None:
    rules = [rule("loose", "artefact.a != 'z'"), rule("tight", "artefact.a == 'x'")]
    assert reasoning(tiny_pack(tmp_path / "p", [{"a": "xyz"}], rules)) == "tight decides."


def test_of_equal_rules_the_one_that_waited_for_the_field_is_told(tmp_path: Path) -> None:
    rules = [rule("ahead", "artefact.a == 'x' && artefact.b == 'x'"), soft("waited", "artefact.a == 'x'")]
    pack = tiny_pack(tmp_path / "p", [{"a": "xy", "b": "xy"}], rules)
    assert reasoning(pack) == "waited decides; ahead decides."


def test_of_rules_that_waited_alike_the_hard_one_is_told(tmp_path: Path) -> None:
    rules = [soft("mild", "artefact.a == 'x'"), rule("strict", "artefact.a == 'x'")]
    assert reasoning(tiny_pack(tmp_path / "p", [{"a": "xy"}], rules)) == "strict decides."


def test_a_choice_that_no_rule_decides_is_not_explained(tmp_path: Path) -> None:
    assert reasoning(tiny_pack(tmp_path / "p", [{"a": "xy"}], [rule("any", "artefact.a != ''")])) == ""


def test_a_rule_that_decides_two_fields_is_told_once(tmp_path: Path) -> None:
    rules: list[dict[str, Any]] = [rule("both", "artefact.a == 'x' && artefact.b == 'x'")]
    assert reasoning(tiny_pack(tmp_path / "p", [{"a": "xy", "b": "xy"}], rules)) == "both decides."


def test_facts_are_told_in_the_words_of_the_pack(scaffold_pack: Pack) -> None:
    scenario = ScenarioSpace(scaffold_pack).scenario(
        {"region": "highmarch", "bearer": "miner", "hours": 7}, where="test"
    )
    bundle = LoreBundle(citations=[], tokens=0, budget=0)
    step = SearchTeacher(Verifier(scaffold_pack)).propose(Task(scenario, bundle, 0), [], [])
    assert step is not None
    assert step.reasoning == "Highmarch burns tallow; 7 h at 6 h a filling is 2."
